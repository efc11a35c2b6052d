"""What the effects of keys have in common: the jobs they act on, and requests for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from luzia_protocol.errors import LuziaError, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import format_quantity, one_line
from luzia_client.trees import WorktreeError
from luzia_client.tui.fullscreen.context import ScreenContext, Terminal, describe
from luzia_client.tui.shell.command_runner import CommandFailedError
from luzia_client.tui.top.clients import Clients, HostUnreachableError
from luzia_client.tui.top.state import TopState

MAX_TASK_CHARS = 40

Change = Callable[[AsyncClient, str], Awaitable[object]]
"""A request for one job."""


class Context(ScreenContext):
    """The screen, as far as the effects of keys use it.

    screen: the current properties of the terminal. clients: of the daemons of all hosts.
    """

    def __init__(self, top: TopState, screen: Callable[[], Screen], terminal: Terminal, clients: Clients) -> None:
        super().__init__(top, terminal)
        self.top = top
        self.clients = clients
        self.screen = screen

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


def describe_jobs(jobs: Sequence[Job]) -> str:
    """`113754-a2f5 “fix the login button”`, or `3 marked jobs`."""
    if len(jobs) > 1:
        return f"{len(jobs):,} marked jobs"
    return f"{jobs[0].id} “{one_line(jobs[0].task, MAX_TASK_CHARS)}”"
