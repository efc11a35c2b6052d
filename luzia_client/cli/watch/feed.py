"""Where watching screens get their news: a daemon's events, put on a board."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Ended, Removed
from luzia_protocol.jobs import Job

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.formatting import LIVE_STATES
from luzia_client.cli.watch.board import Board
from luzia_client.transport.endpoint import DaemonUnreachableError


class Feed:
    """Keeps a board up to date from a daemon, over its restarts too.

    ids: watch these jobs; empty watches all that are live, and those that come. projects: only theirs.
    """

    def __init__(self, client: AsyncClient, ids: Sequence[str] = (), projects: Sequence[str] = ()) -> None:
        self.board = Board()
        self._client = client
        self._ids = list(ids)
        self._projects = list(projects)
        self._after = 0

    async def open(self) -> None:
        """Ask for the jobs as they are now. Raises Refused for an id that is none."""
        newest = await self._client.list_jobs(projects=self._projects, states=LIVE_STATES, limit=1)
        self._after = newest.seq
        if self._ids:
            jobs = [await self._client.get_job(job) for job in self._ids]
            self._ids = [job.id for job in jobs]
        else:
            jobs = [job async for job in self._client.iter_jobs(self._projects, LIVE_STATES)]
        for job in sorted(jobs, key=lambda job: (job.created_at, job.id)):
            self.board.put(job)

    async def changes(self) -> AsyncIterator[Job]:
        """Each job that changed, as it is then; ends when no live one is left."""
        while self.board.live:
            try:
                async for job in self._events():
                    yield job
                    if not self.board.live:
                        return
            except Refused as refused:
                if refused.code is not ErrorCode.EVENTS_EXPIRED:
                    raise
                async for job in self._catch_up():
                    yield job

    async def _events(self) -> AsyncIterator[Job]:
        events = self._client.subscribe(after=self._after, jobs=self._ids, projects=self._projects)
        async for event in events:
            self._after = event.seq
            known = self.board.get(event.job)
            if known is not None and event.seq <= known.seq:
                continue
            # An event tells less than the daemon knows of a new job, or of one that has ended.
            asks = known is None or isinstance(event, Ended)
            job = await self._asked(event.job) if asks and not isinstance(event, Removed) else None
            if job is not None:
                self.board.put(job)
            else:
                job = self.board.apply(event)
            if job is not None:
                yield job

    async def _catch_up(self) -> AsyncIterator[Job]:
        """The events in between are gone: ask for every job that may have changed."""
        known = list(self.board.live)
        listed = await self._client.list_jobs(projects=self._projects, states=LIVE_STATES, limit=1)
        self._after = listed.seq
        for job_id in known:
            job = await self._status(job_id)
            if job is None:
                self.board.live.pop(job_id)
            elif self.board.put(job):
                yield job
        if not self._ids:
            async for job in self._client.iter_jobs(self._projects, LIVE_STATES):
                if self.board.put(job):
                    yield job

    async def _asked(self, job_id: str) -> Job | None:
        """The job, or None when the daemon is away just now: then the event has to do."""
        try:
            return await self._status(job_id)
        except DaemonUnreachableError:
            return None

    async def _status(self, job_id: str) -> Job | None:
        """The job, or None when it has been removed meanwhile."""
        try:
            return await self._client.get_job(job_id)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None
