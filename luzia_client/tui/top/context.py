"""What the effects of keys have in common: the jobs they act on, messages, confirmations, and requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from prompt_toolkit.completion import Completer

from luzia_protocol.errors import LuziaError, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import format_quantity, harmless, one_line
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.trees import WorktreeError
from luzia_client.tui.shell.command_runner import CommandFailedError
from luzia_client.tui.top.clients import Clients, HostUnreachableError
from luzia_client.tui.top.state import KeyPrompt, Page, TopState
from luzia_client.tui.top.text_view import TextView

MAX_PAGE_LINES = 100_000
MAX_TASK_CHARS = 40

Entered = Callable[[str], None]
Change = Callable[[AsyncClient, str], Awaitable[object]]
"""A request for one job."""


class EditLine(Protocol):
    """Opens the input line with a label and a text; `entered` receives what the user enters."""

    def __call__(
        self, label: str, entered: Entered, *, text: str = "", completer: Completer | None = None
    ) -> None: ...  # pragma: no cover


class Context:
    """The screen, as far as the effects of keys use it.

    screen: the current properties of the terminal. changed: called to redraw the screen. start: runs a coroutine in the
    background. edit: opens the input line. clients: of the daemons of all hosts.
    """

    def __init__(
        self,
        top: TopState,
        screen: Callable[[], Screen],
        changed: Callable[[], None],
        start: Callable[[Awaitable[None]], None],
        edit: EditLine,
        clients: Clients,
    ) -> None:
        self.top = top
        self.clients = clients
        self.screen = screen
        self.changed = changed
        self.edit = edit
        self._start = start

    def job(self) -> Job | None:
        """The selected job, which stays selected; says so if there is none."""
        self.top.message = ""
        self.top.cursor.keep_job()
        if self.top.job is None:
            self.say("no job selected")
        return self.top.job

    def jobs(self) -> list[Job]:
        """The marked jobs in the order of their ids, or else the selected one."""
        return sorted(self.top.jobs, key=lambda job: job.id) if self.job() is not None else []

    def say(self, message: str) -> None:
        """Show a message in the last line."""
        self.top.message = message
        self.changed()

    def open(self, title: str, text: str) -> None:
        """Show a text on the full screen."""
        lines = TextView(text, MAX_PAGE_LINES)
        lines.to_top()
        self.top.page = Page(harmless(title), lines)
        self.changed()

    def ask(self, question: str, keys: dict[str, Callable[[], None]]) -> None:
        """Ask a question that one key answers; any other key aborts."""
        self.top.prompt = KeyPrompt(question, keys)
        self.changed()

    def confirm(self, question: str, effect: Callable[[], None]) -> None:
        """Ask for a confirmation."""
        self.ask(f"{question} y/N", {"y": effect})

    def run(self, request: Awaitable[None]) -> None:
        """Run a request in the background; an error becomes the message."""
        self._start(self._report_errors(request))

    def change(self, jobs: Sequence[Job], verb: str, request: Change) -> None:
        """Send a request for each job, one after another, say what came of it, and unmark the jobs.

        request: gets the client of the job's host, and the id of the job there.
        """
        self.run(self.change_now(jobs, verb, request))

    async def change_now(self, jobs: Sequence[Job], verb: str, request: Change) -> None:
        """The same, to be awaited."""
        refused: list[LuziaError] = []
        for job in jobs:
            try:
                await request(*self.clients.of(job))
            except (Refused, WorktreeError, HostUnreachableError, CommandFailedError) as exc:
                refused.append(exc)
        self.top.marks.difference_update(job.id for job in jobs)
        what = f"job {jobs[0].id}" if len(jobs) == 1 else format_quantity(len(jobs) - len(refused), "job")
        if not refused:
            self.say(f"{verb}: {what}")
        elif len(jobs) == 1:
            raise refused[0]
        else:
            self.say(f"{verb}: {what}; {format_quantity(len(refused), 'error')}, the first: {describe(refused[0])}")

    async def _report_errors(self, request: Awaitable[None]) -> None:
        try:
            await request
        except (
            Refused,
            DaemonUnreachableError,
            UnexpectedAnswerError,
            WorktreeError,
            UsageError,
            CommandFailedError,
        ) as exc:
            self.say(describe(exc))


def describe(exc: LuziaError | UsageError) -> str:
    """The message and the remedy of an error."""
    return f"{exc.message}. {exc.hint}" if exc.hint else exc.message


def describe_jobs(jobs: Sequence[Job]) -> str:
    """`113754-a2f5 “fix the login button”`, or `3 marked jobs`."""
    if len(jobs) > 1:
        return f"{len(jobs):,} marked jobs"
    return f"{jobs[0].id} “{one_line(jobs[0].task, MAX_TASK_CHARS)}”"
