"""What the daemon tells while the shell waits for a key: counts, jobs, names. Pushed by its events, never polled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import get_args

from luzia_protocol import events
from luzia_protocol.activity import Question
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event, EventKind
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.requests import MAX_PAGE

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.streams import ReconnectDelays
from luzia_client.cli.show.formatting import ACTIVE_STATES
from luzia_client.transport.connection import open_socket
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.model import JobsModel
from luzia_client.tui.shell.offers import Known

MAX_KNOWN = 1000
"""So many jobs are known one by one; more are only counted."""
RECONNECT_S = 60.0
"""A daemon that is away is looked for so long, and then again when somebody types."""
RECOUNT_GAP_S = 0.05
OTHERS = 100
"""After so many jobs of others in a row none of ours is expected any more."""

_QUIET = ("progress", "worktree", "sent", "edited")
KINDS: list[EventKind] = [kind for kind in get_args(EventKind) if kind not in _QUIET]
"""The events that change what is shown here."""

Tell = Callable[[Job, Question | None], None]


class Live:
    """Keeps up with a daemon, over its restarts too.

    changed: called when something is to be drawn anew. tell: called with a job that has ended, or that asks.
    everything: tell of all jobs, and not only of `mine`.
    counts: jobs by state. away: what is said instead of them while no daemon answers; empty while one does.
    mine: ids of the jobs whose news are wanted.
    """

    def __init__(self, changed: Callable[[], None], tell: Tell, everything: bool) -> None:
        self.counts: Mapping[JobState, int] = {}
        self.away = "connecting …"
        self.mine: set[str] = set()
        self._client = AsyncClient(autostart=False, reconnect_s=0.0)
        self._changed = changed
        self._tell = tell
        self._everything = everything
        self._told: set[tuple[str, int, str]] = set()
        self._model = JobsModel(MAX_KNOWN)
        self._names = Known()
        self._seq: int | None = None
        self._keys: set[str] = set()
        self._named: set[str] = set()
        self._recount = asyncio.Event()
        self._look = asyncio.Event()
        self._awake = asyncio.Event()

    @property
    def known(self) -> Known:
        """What lines can name: of jobs those that ask first, then those that run, and at last the newest others."""
        return self._names._replace(jobs=self._model.page(0, MAX_KNOWN))

    def wake(self) -> None:
        """Somebody is there: look for a daemon again, if that was given up."""
        self._awake.set()

    async def run(self) -> None:
        """Keep up for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._count())
            tasks.create_task(self._look_around())
            tasks.create_task(self._follow())

    def entered(self, key: str = "", names: Iterable[str] = ()) -> None:
        """A command has been run, so projects, agents and schedules may be others.

        key, names: the jobs that it started, by their key, and those that it let go on; they are ours.
        """
        self._keys |= {key} if key else set()
        self._named |= set(names)
        self._look.set()

    async def _look_around(self) -> None:
        """Ask for what no event tells: projects, agents, schedules, and which jobs are ours."""
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                await self._ask()
            except (DaemonUnreachableError, UnexpectedAnswerError, Refused):
                continue  # it is asked again when the daemon is back
            self._changed()

    async def _ask(self) -> None:
        self._names = Known(
            projects=(await self._client.list_projects()).projects,
            agents=(await self._client.list_agents(versions=False)).agents,
            schedules=await self._client.list_schedules(),
        )
        for key in list(self._keys):
            await self._adopt(key)
            self._keys.discard(key)
        for name in list(self._named):
            try:
                self._ours(await self._client.get_job(name))
            except Refused as refused:
                if refused.code not in (ErrorCode.UNKNOWN_JOB, ErrorCode.AMBIGUOUS_JOB):
                    raise
            self._named.discard(name)

    async def _adopt(self, key: str) -> None:
        """Take the jobs that were dispatched with this key for ours: they are among the newest, and stand together."""
        others = 0
        async for job in self._client.iter_jobs(page_size=OTHERS):
            if (job.key or "").partition("/")[0] == key:
                self._ours(job)
                others = 0
            elif (others := others + 1) >= OTHERS:
                return

    def _ours(self, job: Job) -> None:
        """The job's news are wanted. What has happened to it already is told."""
        self.mine.add(job.id)
        self._model.put(job)
        job = self._model.get(job.id) or job  # an event may have told more meanwhile
        if job.state.is_final:
            self._news(job, None)
        elif job.question is not None:
            self._news(job, job.question)

    async def _follow(self) -> None:
        delays = ReconnectDelays(RECONNECT_S)
        while True:
            try:
                await self._catch_up()
                delays.reset()
                async for event in self._client.subscribe(after=self._seq, kinds=KINDS):
                    await self._take(event)
                    self._seq = event.seq  # not earlier: what could not be told for want of a daemon comes again
            except Refused as refused:
                if refused.code is not ErrorCode.EVENTS_EXPIRED:
                    await self._pause(delays, refused.message)
                self._seq = None
            except (DaemonUnreachableError, UnexpectedAnswerError) as exc:
                await self._pause(delays, exc.message)

    async def _pause(self, delays: ReconnectDelays, why: str) -> None:
        """Wait before the next try: a while, and at last until somebody is there."""
        self.away = f"no daemon: {why}"
        self._changed()
        self._awake.clear()
        try:
            delay_s = delays.next_s(DaemonUnreachableError(why))
        except DaemonUnreachableError:
            await self._awake.wait()
            delays.reset()
            return
        await asyncio.sleep(delay_s)

    async def _catch_up(self) -> None:
        """Find the daemon, which is started again when it crashed, and ask for what is not known yet."""
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
                    self._ours(job)
        self.away = ""
        self._recount.set()
        self._look.set()

    async def _take(self, event: Event) -> None:
        self._recount.set()
        self._model.apply(event)
        self._model.stale.clear()  # what events do not tell is asked for when it is news
        job = self._model.get(event.job)
        wanted = self._everything or event.job in self.mine
        if job is None and not isinstance(event, events.Removed) and (wanted or not isinstance(event, events.Ended)):
            job = await self._asked(event.job)
        if job is None or not wanted:
            return
        if isinstance(event, events.Ended):
            self._news(job, None)
        elif isinstance(event, events.QuestionAsked):
            self._news(job, event.question)

    def _news(self, job: Job, question: Question | None) -> None:
        """Tell it, once."""
        what = (job.id, job.attempt, "" if question is None else question.id)
        if what not in self._told:
            self._told.add(what)
            self._tell(job, question)

    async def _asked(self, job_id: str) -> Job | None:
        """A job that is not known yet; None when it has been removed meanwhile."""
        try:
            job = await self._client.get_job(job_id)
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
                self.counts = (await self._client.list_jobs(limit=1)).counts
            except (DaemonUnreachableError, UnexpectedAnswerError, Refused):
                continue  # whoever follows the events says so, and has it counted again
            self._changed()
            await asyncio.sleep(RECOUNT_GAP_S)
