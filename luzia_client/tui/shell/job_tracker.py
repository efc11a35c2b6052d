"""Follows the daemon while the shell waits for a key: counts, jobs, names. Driven by events, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import get_args

from luzia_protocol import events
from luzia_protocol.activity import Question
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event, EventKind
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.requests import MAX_PAGE
from luzia_protocol.states import ACTIVE_STATES

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.streams import ReconnectDelays
from luzia_client.cli.watch.feed import fetch_job
from luzia_client.hosts.settings import destinations
from luzia_client.transport.connection import open_socket
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.model import JobsModel
from luzia_client.tui.shell.candidates import KnownNames

MAX_JOBS = 1000
"""The number of jobs that are kept; others are only counted."""
RECONNECT_S = 60.0
"""How long to retry an unreachable daemon before waiting for the user to type."""
REFRESH_GAP_S = 0.05
MAX_FOREIGN_JOBS = 100
"""Stop searching for jobs of a command after this many other jobs in a row."""

_UNUSED_EVENTS = ("progress", "worktree", "sent", "edited")
KINDS: list[EventKind] = [kind for kind in get_args(EventKind) if kind not in _UNUSED_EVENTS]
"""The events that change the counts, or cause a notice."""

Notify = Callable[[Job, Question | None], None]


class JobTracker:
    """Follows a daemon, across its restarts.

    changed: called to redraw the prompt. notify: called with a job that has ended or has a question. all_jobs: notify
    of all jobs, not only of `mine`.
    counts: jobs by state. connection_error: why the daemon is unreachable, or empty. mine: ids of the jobs of this
    shell.
    """

    def __init__(self, changed: Callable[[], None], notify: Notify, all_jobs: bool) -> None:
        self.counts: Mapping[JobState, int] = {}
        self.connection_error = "connecting …"
        self.mine: set[str] = set()
        self._client = AsyncClient(autostart=False, reconnect_s=0.0)
        self._changed = changed
        self._notify = notify
        self._all_jobs = all_jobs
        self._notified: set[tuple[str, int, str]] = set()
        self._model = JobsModel(MAX_JOBS)
        self._names = KnownNames()
        self._seq: int | None = None
        self._keys: set[str] = set()
        self._resumed_names: set[str] = set()
        self._recount = asyncio.Event()
        self._names_outdated = asyncio.Event()
        self._awake = asyncio.Event()

    @property
    def known(self) -> KnownNames:
        """The names for completion; jobs in the order waiting, active, newest others."""
        return self._names._replace(jobs=self._model.page(0, MAX_JOBS))

    def wake(self) -> None:
        """The user is active: retry an unreachable daemon."""
        self._awake.set()

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._recount, self._count))
            tasks.create_task(self._repeat(self._names_outdated, self._refresh_names))
            tasks.create_task(self._follow())

    def command_finished(self, key: str = "", names: Iterable[str] = ()) -> None:
        """A command has ended: projects, agents and schedules may have changed.

        key: the key of the jobs that it dispatched. names: the jobs that it resumed.
        """
        self._keys |= {key} if key else set()
        self._resumed_names |= set(names)
        self._names_outdated.set()

    async def _repeat(self, due: asyncio.Event, request: Callable[[], Awaitable[None]]) -> None:
        """Make a request each time that it is due; a burst of events causes one."""
        while True:
            await due.wait()
            due.clear()
            try:
                await request()
            except (DaemonUnreachableError, UnexpectedAnswerError, Refused):
                continue  # _follow reports the error, and makes the request due again
            self._changed()
            await asyncio.sleep(REFRESH_GAP_S)

    async def _count(self) -> None:
        self.counts = (await self._client.list_jobs(limit=1)).counts

    async def _refresh_names(self) -> None:
        """Request what no event contains: projects, agents, schedules, and the jobs of this shell."""
        self._names = KnownNames(
            projects=(await self._client.list_projects()).projects,
            agents=(await self._client.list_agents(versions=False)).agents,
            schedules=await self._client.list_schedules(),
            hosts=destinations(),
        )
        for key in list(self._keys):
            await self._adopt(key)
            self._keys.discard(key)
        for name in list(self._resumed_names):
            try:
                self._track(await self._client.get_job(name))
            except Refused as refused:
                if refused.code not in (ErrorCode.UNKNOWN_JOB, ErrorCode.AMBIGUOUS_JOB):
                    raise
            self._resumed_names.discard(name)

    async def _adopt(self, key: str) -> None:
        """Track the jobs that were dispatched with this key: they are among the newest, and adjacent."""
        others = 0
        async for job in self._client.iter_jobs(page_size=MAX_FOREIGN_JOBS):
            if (job.key or "").partition("/")[0] == key:
                self._track(job)
                others = 0
            elif (others := others + 1) >= MAX_FOREIGN_JOBS:
                return

    def _track(self, job: Job) -> None:
        """Add a job to `mine`, and notify of its end or question if it already has one."""
        self.mine.add(job.id)
        self._model.put(job)
        job = self._model.get(job.id) or job  # an event may have updated it
        if job.state.is_final or job.question is not None:
            self._notify_once(job, None if job.state.is_final else job.question)

    async def _follow(self) -> None:
        delays = ReconnectDelays(RECONNECT_S)
        while True:
            try:
                await self._catch_up()
                delays.reset()
                async for event in self._client.subscribe(after=self._seq, kinds=KINDS):
                    await self._take(event)
                    self._seq = event.seq  # not earlier: an event is repeated if a request for it failed
            except Refused as refused:
                if refused.code is not ErrorCode.EVENTS_EXPIRED:
                    await self._pause(delays, refused.message)
                self._seq = None
            except (DaemonUnreachableError, UnexpectedAnswerError) as exc:
                await self._pause(delays, exc.message)

    async def _pause(self, delays: ReconnectDelays, reason: str) -> None:
        """Wait before the next attempt to connect; finally until the user is active."""
        self.connection_error = f"daemon unreachable: {reason}"
        self._changed()
        self._awake.clear()
        try:
            delay_s = delays.next_s(DaemonUnreachableError(reason))
        except DaemonUnreachableError:
            await self._awake.wait()
            delays.reset()
            return
        await asyncio.sleep(delay_s)

    async def _catch_up(self) -> None:
        """Connect, restarting a crashed daemon, and list the jobs unless events continue from the last one."""
        resuming = self._seq is not None
        (await asyncio.to_thread(open_socket, self._client.socket, autostart=True, resuming=resuming)).close()
        if self._seq is None:
            newest = await self._client.list_jobs(limit=MAX_PAGE)
            under_way = await self._client.list_jobs(states=list(ACTIVE_STATES), limit=MAX_PAGE)
            self._model.clear()
            self._model.put_all([*newest.jobs, *under_way.jobs])
            self._seq = newest.seq
            for name in self.mine:
                if (job := self._model.get(name)) is not None:
                    self._track(job)
        self.connection_error = ""
        self._recount.set()
        self._names_outdated.set()

    async def _take(self, event: Event) -> None:
        self._recount.set()
        self._model.apply(event)
        self._model.stale.clear()  # fields that events lack are requested for a notice
        job = self._model.get(event.job)
        notable = self._all_jobs or event.job in self.mine
        if job is None and not isinstance(event, events.Removed) and (notable or not isinstance(event, events.Ended)):
            job = await fetch_job(self._client, event.job)
            if job is not None:
                self._model.put(job)
        if job is None or not notable:
            return
        if isinstance(event, events.Ended):
            self._notify_once(job, None)
        elif isinstance(event, events.QuestionAsked):
            self._notify_once(job, event.question)

    def _notify_once(self, job: Job, question: Question | None) -> None:
        """Notify once per attempt and question."""
        key = (job.id, job.attempt, "" if question is None else question.id)
        if key not in self._notified:
            self._notified.add(key)
            self._notify(job, question)
