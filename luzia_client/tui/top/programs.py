"""The keys that run commands of luzia: on the terminal, as `luzia` itself would be run, or for a message."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence

from luzia_protocol.jobs import Job, JobState

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.hosts import job_ids
from luzia_client.hosts.settings import LOCAL, destinations
from luzia_client.tui.fullscreen.context import describe
from luzia_client.tui.shell.candidates import KnownNames
from luzia_client.tui.shell.command_runner import line_entered, run_command, run_for_output
from luzia_client.tui.top.context import Context
from luzia_client.tui.top.palette import PaletteCompleter, on_selection, parse_command

MAX_KNOWN_JOBS = 1000
MAX_MESSAGE_BYTES = 4096
QUIT = frozenset({"q", "quit", "exit"})
_RETURN = "\nPress Enter to return to luzia top. "


class Programs:
    """Each method is the effect of a key that has its name in keys.py. leave: ends the screen."""

    def __init__(self, context: Context, leave: Callable[[], None]) -> None:
        self._context = context
        self._leave = leave
        self._names = KnownNames()

    def command(self) -> None:
        """Ask for a command, and run it on the marked jobs, or else on the selected one."""
        top = self._context.top
        top.cursor.keep_job()
        self._context.run(self._learn_names())
        completer = PaletteCompleter(self._known, lambda: top.jobs)
        self._context.edit(":", self._run_line, completer=completer)

    def _run_line(self, line: str) -> None:
        try:
            words = parse_command(line)
        except UsageError as exc:
            self._context.say(describe(exc))
            return
        if words in [[word] for word in QUIT]:
            self._leave()
        elif words:
            jobs = [job.id for job in self._context.jobs()]
            hosts = {job_ids.host_of(job) for job in jobs}
            commands = [  # one for each host, if there are several
                command
                for host in sorted(hosts) or [""]
                for command in on_selection(words, [job for job in jobs if job_ids.host_of(job) == host], self._is_job)
            ]
            unique = [list(command) for command in dict.fromkeys(map(tuple, commands))]
            self._context.run(self._on_terminal(unique, always_wait=True))

    def new_task(self) -> None:
        """Ask for a project and a task, and dispatch it; without a task, the editor is opened for it.

        It is dispatched to the host of the selected job.
        """
        job = self._context.top.job
        host = LOCAL if job is None else job_ids.host_of(job.id)
        self._context.run(self._learn_names(host))
        text = "" if job is None else f"{shlex.quote(job.project)} "
        completer = PaletteCompleter(self._known, list)
        where = "" if host == LOCAL else f" on {host}"
        label = f"New task{where}, PROJECT TASK: "
        self._context.edit(label, lambda line: self._dispatch(line, host), text=text, completer=completer)

    def _dispatch(self, line: str, host: str) -> None:
        option = [] if host == LOCAL else ["--host", host]
        try:
            words = parse_command(line)
        except UsageError as exc:
            self._context.say(describe(exc))
            return
        if len(words) == 1:
            self._context.run(self._on_terminal([[*option, "dispatch", *words]]))
        elif words:
            self._context.run(self._for_message([*option, "dispatch", "-q", *words]))

    def edit_task(self) -> None:
        """Edit the task of a queued job, or edit that of another one and dispatch it as a new job."""
        if (job := self._context.job()) is not None:
            words = ["edit", job.id] if job.state is JobState.QUEUED else ["again", "--edit", job.id]
            self._context.run(self._on_terminal([words]))

    def open_shell(self) -> None:
        """Open a shell in the directory of the job."""
        if (job := self._context.job()) is not None:
            self._context.run(self._on_terminal([["open", job.id]]))

    def open_editor(self) -> None:
        """Open an editor in the directory of the job."""
        if (job := self._context.job()) is not None:
            self._context.run(self._on_terminal([["open", "--editor", job.id]]))

    async def _on_terminal(self, commands: Sequence[Sequence[str]], *, always_wait: bool = False) -> None:
        """Give the terminal to commands, one after another. always_wait: not only after an error, for the reader."""
        async with self._context.terminal_given_away():
            status = exit_codes.OK
            for words in commands:
                if always_wait:
                    print(f"$ luzia {harmless(shlex.join(words))}", flush=True)
                status = await run_command(words) or status
            if always_wait or status:
                sys.stdout.write(_RETURN)
                sys.stdout.flush()
                await line_entered()
        self._context.top.marks.clear()

    async def _for_message(self, words: Sequence[str]) -> None:
        """Run a command that needs no terminal; what it prints becomes the message."""
        printed = (await run_for_output(words, MAX_MESSAGE_BYTES)).decode(errors="replace")
        self._context.say(f"dispatched: {one_line(' '.join(printed.split()), 300)}")

    async def _learn_names(self, host: str = LOCAL) -> None:
        client = self._context.clients.at(host)
        self._names = KnownNames(
            projects=(await client.list_projects()).projects,
            agents=(await client.list_agents(versions=False)).agents,
            schedules=await client.list_schedules(),
            hosts=destinations(),
        )

    def _known(self) -> KnownNames:
        return self._names._replace(jobs=self._context.top.model.page(0, MAX_KNOWN_JOBS))

    def _is_job(self, word: str) -> bool:
        """Whether a word names a job, of those that are listed."""
        model = self._context.top.model
        return word.startswith(("@", "agent:")) or any(_names(model.get(key.id), word) for key in model.rows)


def _names(job: Job | None, word: str) -> bool:
    return job is not None and (job.id.endswith(word) or job.node == word)
