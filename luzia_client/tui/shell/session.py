"""The prompt of `luzia shell`: reads lines and runs them, and prints notices of jobs above the prompt."""

from __future__ import annotations

import asyncio
import os
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
from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.args.errors import UsageError, closest_match
from luzia_client.cli.help import usage
from luzia_client.cli.show.details import GENERATED_KEY_PREFIX
from luzia_client.cli.show.errors import report_error
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.tui.shell import command_runner, keys, notices
from luzia_client.tui.shell.candidates import ShellCompleter
from luzia_client.tui.shell.history import PersistentHistory, history_file
from luzia_client.tui.shell.job_tracker import JobTracker
from luzia_client.tui.shell.line_parser import PROGRAM, LineKind, parse_line, split_text, track_jobs
from luzia_client.tui.shell.quoting import MAX_LINE_CHARS, split

HINT = "Tab completes, `help` shows the keys and commands, Ctrl-D exits."

HELP = """\
Enter luzia commands without the leading `luzia`:

  jobs                           list jobs
  logs a2f5 -f                   follow the output of a job
  overbits fix the login button  dispatch a task to a project's agent
  use overbits                   set the current project: a line that is not a
                                 command becomes a task for it, after
                                 confirmation
  help jobs                      describe a command
  exit                           exit; running jobs continue

  Tab            complete commands, options, projects, agents, and jobs by id
                 or by a word of the task
  Ctrl-R, Up     search the history; a line that starts with a space or sets
                 a variable is not saved
  Alt-Enter      insert a line break in a task; an open quote continues on
                 the next line
  Ctrl-X Ctrl-E  edit the task in $EDITOR
  Ctrl-C         discard the line, or interrupt the running command

Quote words as in a shell: "two words", 'two words', don\\'t.

"""


def run_session(notices_for: str) -> int:
    """Run the shell until the user exits; returns the exit status. notices_for: `mine`, `all` or `none` of the jobs."""
    try:
        asyncio.run(Session(notices_for).run())
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    return exit_codes.OK


class Session:
    """The shell on a terminal. notices_for: the jobs whose notices it prints."""

    def __init__(self, notices_for: str) -> None:
        self._notices_for = notices_for
        self._using = ""
        self._status = exit_codes.OK
        self._notify_once: list[list[str]] = []
        self._prompting = False
        self._history = PersistentHistory(history_file())
        self._tracker = JobTracker(self._redraw, self._notify, all_jobs=notices_for == "all")
        self._prompt: PromptSession[str] = PromptSession(
            self._message,
            history=self._history,
            completer=ShellCompleter(lambda: self._tracker.known),
            auto_suggest=AutoSuggestFromHistory(),
            key_bindings=keys.bindings(lambda line: split_text(line, self._projects(), self._using)),
            bottom_toolbar=self._toolbar,
            prompt_continuation=lambda width, line, wrapped: "· ".rjust(width),
            enable_suspend=True,
        )
        self._prompt.app.terminal_size_polling_interval = None  # SIGWINCH does
        self._prompt.default_buffer.on_text_changed += lambda _: self._tracker.wake()

    async def run(self) -> None:
        """Read lines and run them until the user exits."""
        with _cancelled_by_signals():
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self._tracker.run())
                try:
                    await self._read_lines()
                finally:
                    following.cancel()

    async def _read_lines(self) -> None:
        print(stdout_screen().paint(HINT, "dim"))
        if self._history.problem:
            print(f"luzia: {harmless(self._history.problem)}", file=sys.stderr)
        while True:
            self._print_notices()
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
            self._tracker.wake()
            if not await self._run_line(line):
                return

    async def _run_line(self, line: str) -> bool:
        """Run a line; False if it exits the shell."""
        try:
            kind, words = parse_line(line, self._projects(), self._using)
            match kind:
                case LineKind.EXIT:
                    return False
                case LineKind.HELP:
                    print(HELP + usage.format_commands())
                    self._status = exit_codes.OK
                case LineKind.USE:
                    self._use(words)
                case LineKind.TASK:
                    await self._confirm_dispatch(words)
                case LineKind.COMMAND:
                    await self._run(words)
        except UsageError as exc:
            self._status = report_error(exc)
        return True

    async def _run(self, words: Sequence[str]) -> None:
        tracked = track_jobs(words, f"{GENERATED_KEY_PREFIX}{os.urandom(12).hex()}")
        self._status = await command_runner.run_command(tracked.words)
        if self._status == exit_codes.INTERRUPTED:
            print()  # after the terminal's own ^C
        if self._status == exit_codes.OK:
            self._tracker.command_finished(tracked.key, tracked.names)
        else:
            self._tracker.command_finished()

    async def _confirm_dispatch(self, words: Sequence[str]) -> None:
        """Dispatch a line that is not a command, after confirmation: a typing mistake must start no agent."""
        task = " ".join(words[2:])  # after `dispatch` and the project
        first = task.split()[0] if task.split() else ""
        match = closest_match(first, COMMANDS)
        near = f" (did you mean `{match}`?)" if match else ""
        question = f"Unknown command '{one_line(first, 20)}'{near}. Dispatch to {harmless(self._using)}: "
        if await keys.confirm(f"{question}{one_line(task, 60)}? [y/N] "):
            await self._run(words)
        else:
            print("Aborted.")

    def _use(self, words: Sequence[str]) -> None:
        name = words[0] if words else ""
        known = self._projects()
        if name and known and name not in known and not is_path(name):
            raise UsageError(f"unknown project '{name}'", f"Name a directory, or one of: {', '.join(known)}.")
        self._using = name
        self._status = exit_codes.OK

    def _projects(self) -> list[str]:
        """The names of projects: those that are configured, and those of directories with jobs."""
        known = self._tracker.known
        return list(dict.fromkeys([*(each.name for each in known.projects), *(each.project for each in known.jobs)]))

    def _message(self) -> StyleAndTextTuples:
        failed = f"[exit {self._status}] " if self._status else ""
        return [("fg:ansired", failed), ("bold", f"{one_line(self._using, 30) or PROGRAM}> ")]

    def _toolbar(self) -> str:
        text = self._prompt.default_buffer.text
        open_quote = split(text).open if len(text) <= MAX_LINE_CHARS else ""
        return f" {notices.format_toolbar(self._tracker.counts, self._tracker.connection_error, open_quote)}"

    def _redraw(self) -> None:
        self._prompt.app.invalidate()

    def _notify(self, job: Job, question: Question | None) -> None:
        """Print a notice at once above the prompt, or after the running command."""
        if self._notices_for == "none":
            return
        self._notify_once.append(notices.format_notice(job, question, stdout_screen()))
        if len(self._notify_once) == 1:
            asyncio.get_running_loop().call_soon(self._print_notices_above)

    def _print_notices_above(self) -> None:
        """Print collected notices, unless a command has started in between."""
        if self._prompting:
            self._print_notices()

    def _print_notices(self) -> None:
        if self._notify_once:
            print(notices.format_notices(self._notify_once))
            self._notify_once.clear()


@contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP cancel the shell, so that it restores the terminal."""
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
