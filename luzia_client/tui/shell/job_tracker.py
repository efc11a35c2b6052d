"""What the daemon tells while the shell waits for a key: counts, jobs, names. Pushed by its events, never polled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from luzia_protocol import events
from luzia_protocol.activity import Question
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.requests import MAX_PAGE

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.streams import Patience
from luzia_client.cli.show.formatting import ACTIVE_STATES
from luzia_client.transport.connection import DaemonUnreachableError, UnexpectedAnswerError, reach
from luzia_client.tui.model import JobsModel
from luzia_client.tui.shell.offers import KnownNames

MAX_JOBS = 1000
"""So many jobs are known one by one; more are only counted."""
RECONNECT_S = 60.0
"""A daemon that is away is looked for so long, and then again when somebody types."""
RECOUNT_GAP_S = 0.05
MAX_FOREIGN_JOBS = 100
"""After so many jobs of others in a row none of ours is expected any more."""

_UNUSED_EVENTS = (events.Progressed, events.Worktreed, events.Sent, events.Edited)
KINDS = [str(kind.__struct_config__.tag) for kind in Event.__args__ if kind not in _UNUSED_EVENTS]
"""The events that change what is shown here."""

Notify = Callable[[Job, Question | None], None]


class JobTracker:
    """Keeps up with a daemon, over its restarts too.

    changed: called when something is to be drawn anew. tell: called with a job that has ended, or that asks.
    everything: tell of all jobs, and not only of `mine`.
    counts: jobs by state. away: what is said instead of them while no daemon answers; empty while one does.
    mine: ids of the jobs whose news are wanted.
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
        """What lines can name: of jobs those that ask first, then those that run, and at last the newest others."""
        return self._names._replace(jobs=self._model.page(0, MAX_JOBS))

    def wake(self) -> None:
        """Somebody is there: look for a daemon again, if that was given up."""
        self._awake.set()

    async def run(self) -> None:
        """Keep up for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._count())
            tasks.create_task(self._refresh_names())
            tasks.create_task(self._follow())

    def command_finished(self, key: str = "", names: Iterable[str] = ()) -> None:
        """A command has been run, so projects, agents and schedules may be others.

        key, names: the jobs that it started, by their key, and those that it let go on; they are ours.
        """
        self._keys |= {key} if key else set()
        self._resumed_names |= set(names)
        self._names_outdated.set()

    async def _refresh_names(self) -> None:
        """Ask for what no event tells: projects, agents, schedules, and which jobs are ours."""
        while True:
            await self._names_outdated.wait()
            self._names_outdated.clear()
            try:
                await self._ask()
            except (DaemonUnreachableError, UnexpectedAnswerError, Refused):
                continue  # it is asked again when the daemon is back
            self._changed()

    async def _ask(self) -> None:
        self._names = KnownNames(
            projects=(await self._client.projects()).projects,
            agents=(await self._client.agents(versions=False)).agents,
            schedules=await self._client.schedule_list(),
        )
        for key in list(self._keys):
            await self._adopt(key)
            self._keys.discard(key)
        for name in list(self._resumed_names):
            try:
                self._track(await self._client.status(name))
            except Refused as refused:
                if refused.code not in (ErrorCode.UNKNOWN_JOB, ErrorCode.AMBIGUOUS_JOB):
                    raise
            self._resumed_names.discard(name)

    async def _adopt(self, key: str) -> None:
        """Take the jobs that were dispatched with this key for ours: they are among the newest, and stand together."""
        others = 0
        async for job in self._client.list_all(page=MAX_FOREIGN_JOBS):
            if (job.key or "").partition("/")[0] == key:
                self._track(job)
                others = 0
            elif (others := others + 1) >= MAX_FOREIGN_JOBS:
                return

    def _track(self, job: Job) -> None:
        """The job's news are wanted. What has happened to it already is told."""
        self.mine.add(job.id)
        self._model.put(job)
        job = self._model.get(job.id) or job  # an event may have told more meanwhile
        if job.state.is_final:
            self._notify_once(job, None)
        elif job.question is not None:
            self._notify_once(job, job.question)

    async def _follow(self) -> None:
        patience = Patience(RECONNECT_S)
        while True:
            try:
                await self._catch_up()
                patience.heard()
                async for event in self._client.subscribe(after=self._seq, kinds=KINDS):
                    await self._take(event)
                    self._seq = event.seq  # not earlier: what could not be told for want of a daemon comes again
            except Refused as refused:
                if refused.code is not ErrorCode.EVENTS_EXPIRED:
                    await self._pause(patience, refused.message)
                self._seq = None
            except (DaemonUnreachableError, UnexpectedAnswerError) as exc:
                await self._pause(patience, exc.message)

    async def _pause(self, patience: Patience, why: str) -> None:
        """Wait before the next try: a while, and at last until somebody is there."""
        self.connection_error = f"no daemon: {why}"
        self._changed()
        self._awake.clear()
        try:
            delay_s = patience.delay(DaemonUnreachableError(why))
        except DaemonUnreachableError:
            await self._awake.wait()
            patience.heard()
            return
        await asyncio.sleep(delay_s)

    async def _catch_up(self) -> None:
        """Find the daemon, which is started again when it crashed, and ask for what is not known yet."""
        resuming = self._seq is not None
        (await asyncio.to_thread(reach, self._client.socket, autostart=True, resuming=resuming)).close()
        if self._seq is None:
            newest = await self._client.list(limit=MAX_PAGE)
            under_way = await self._client.list(states=list(ACTIVE_STATES), limit=MAX_PAGE)
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
        self._model.stale.clear()  # what events do not tell is asked for when it is news
        job = self._model.get(event.job)
        wanted = self._all_jobs or event.job in self.mine
        if job is None and not isinstance(event, events.Removed) and (wanted or not isinstance(event, events.Ended)):
            job = await self._fetch(event.job)
        if job is None or not wanted:
            return
        if isinstance(event, events.Ended):
            self._notify_once(job, None)
        elif isinstance(event, events.Asked):
            self._notify_once(job, event.question)

    def _notify_once(self, job: Job, question: Question | None) -> None:
        """Tell it, once."""
        what = (job.id, job.attempt, "" if question is None else question.id)
        if what not in self._notified:
            self._notified.add(what)
            self._notify(job, question)

    async def _fetch(self, job_id: str) -> Job | None:
        """A job that is not known yet; None when it has been removed meanwhile."""
        try:
            job = await self._client.status(job_id)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None
        self._model.put(job)
        return job

    async def _count(self) -> None:
        """Ask for the counts when they have changed; a burst of events is counted once."""
        while True:
            await self._recount.wait()
            self._recount.clear()
            try:
                self.counts = (await self._client.list(limit=1)).counts
            except (DaemonUnreachableError, UnexpectedAnswerError, Refused):
                continue  # whoever follows the events says so, and has it counted again
            self._changed()
            await asyncio.sleep(RECOUNT_GAP_S)
