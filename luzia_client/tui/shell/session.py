"""The prompt of `luzia shell`: reads lines and has them done, and prints the news of jobs above what is typed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.patch_stdout import patch_stdout

from luzia_protocol.activity import Question
from luzia_protocol.environment import is_path
from luzia_protocol.jobs import Job

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.help import usage
from luzia_client.cli.show.errors import report_error
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.tui.shell import children, keys, news
from luzia_client.tui.shell.completer import ShellCompleter
from luzia_client.tui.shell.help import HELP, HINT, did_you_mean
from luzia_client.tui.shell.history import KeptHistory, history_file
from luzia_client.tui.shell.lines import PROGRAM, Asked, Kind, parted, understood
from luzia_client.tui.shell.live import Live
from luzia_client.tui.shell.own_jobs import ours
from luzia_client.tui.shell.toolbar import MAX_LOOKED_AT, toolbar
from luzia_client.tui.shell.words import split


def run_session(wanted: str) -> int:
    """Run the shell until it is left; returns the exit status. wanted: the news, `mine`, `all` or `none`."""
    try:
        asyncio.run(Session(wanted).run())
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    return exit_codes.OK


class Session:
    """The shell on a terminal. wanted: which news it prints."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._using = ""
        self._status = exit_codes.OK
        self._news: list[list[str]] = []
        self._prompting = False
        self._history = KeptHistory(history_file())
        self._live = Live(self._redraw, self._tell, everything=wanted == "all")
        self._prompt: PromptSession[str] = PromptSession(
            self._message,
            history=self._history,
            completer=ShellCompleter(lambda: self._live.known),
            auto_suggest=AutoSuggestFromHistory(),
            key_bindings=keys.bindings(lambda line: parted(line, self._projects(), self._using)),
            bottom_toolbar=self._toolbar,
            prompt_continuation=lambda width, line, wrapped: "· ".rjust(width),
            enable_suspend=True,
        )
        self._prompt.app.terminal_size_polling_interval = None  # SIGWINCH tells
        self._prompt.default_buffer.on_text_changed += lambda _: self._live.wake()

    async def run(self) -> None:
        """Read lines and have them done, until the shell is left."""
        with _ended_by_signals():
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self._live.run())
                try:
                    await self._read_lines()
                finally:
                    following.cancel()

    async def _read_lines(self) -> None:
        print(stdout_screen().paint(HINT, "dim"))
        if self._history.problem:
            print(f"luzia: {harmless(self._history.problem)}", file=sys.stderr)
        while True:
            self._print_news()
            self._prompting = True
            try:
                with patch_stdout(raw=True):
                    line = await self._prompt.prompt_async()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            finally:
                self._prompting = False
            self._live.wake()
            if not await self._enter(line):
                return

    async def _enter(self, line: str) -> bool:
        """Have a line done; False for one that leaves the shell."""
        try:
            asked = understood(line, self._projects(), self._using)
            if asked.kind is Kind.EXIT:
                return False
            await self._do(asked)
        except UsageError as exc:
            self._status = report_error(exc)
        return True

    async def _do(self, asked: Asked) -> None:
        if asked.kind is Kind.HELP:
            print(HELP + usage.format_commands())
            self._status = exit_codes.OK
        elif asked.kind is Kind.USE:
            self._use(asked.words)
        elif asked.kind is Kind.TASK:
            await self._perhaps(asked.words)
        elif asked.kind is Kind.COMMAND:
            await self._run(asked.words)

    async def _run(self, words: Sequence[str]) -> None:
        started = ours(words)
        self._status = await children.run(started.words)
        if self._status == exit_codes.INTERRUPTED:
            print()  # after the terminal's own ^C
        if self._status == exit_codes.OK:
            self._live.entered(started.key, started.names)
        else:
            self._live.entered()

    async def _perhaps(self, words: Sequence[str]) -> None:
        """A line that is no command: dispatch it if that is meant. A typing mistake must start no agent."""
        task = " ".join(words[words.index("--") + 1 :])
        first = task.split()[0] if task.split() else ""
        what = f"No command {one_line(first, 20)!r}{did_you_mean(first)}. Dispatch it to {harmless(self._using)}: "
        if await keys.sure(f"{what}{one_line(task, 60)}? [y/N] "):
            await self._run(words)
        else:
            print("Nothing was done.")

    def _use(self, words: Sequence[str]) -> None:
        name = words[0] if words else ""
        known = self._projects()
        if name and known and name not in known and not is_path(name):
            raise UsageError(f"no project {name!r}", f"The projects are {', '.join(known)}; a directory will do, too.")
        self._using = name
        self._status = exit_codes.OK

    def _projects(self) -> list[str]:
        return [project.name for project in self._live.known.projects]

    def _message(self) -> StyleAndTextTuples:
        failed = f"[exit {self._status}] " if self._status else ""
        return [("fg:ansired", failed), ("bold", f"{one_line(self._using, 30) or PROGRAM}> ")]

    def _toolbar(self) -> str:
        text = self._prompt.default_buffer.text
        open_quote = split(text).open if len(text) <= MAX_LOOKED_AT else ""
        return f" {toolbar(self._live.counts, self._live.away, open_quote)}"

    def _redraw(self) -> None:
        self._prompt.app.invalidate()

    def _tell(self, job: Job, question: Question | None) -> None:
        """News: at once above what is typed, or when the command that runs is over."""
        if self._wanted == "none":
            return
        self._news.append(news.news_of(job, question, stdout_screen()))
        if len(self._news) == 1:
            asyncio.get_running_loop().call_soon(self._print_news_above)

    def _print_news_above(self) -> None:
        """What has come together is printed together. A command that has begun meanwhile goes first."""
        if self._prompting:
            self._print_news()

    def _print_news(self) -> None:
        if self._news:
            print(news.shown(self._news))
            self._news.clear()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the shell in order, so that the terminal is left as it was."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
