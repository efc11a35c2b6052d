"""Keeps the jobs of a live view up to date with the daemon's events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Ended, Removed
from luzia_protocol.jobs import Job
from luzia_protocol.states import LIVE_STATES

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.watch.watched_jobs import WatchedJobs
from luzia_client.transport.endpoint import DaemonUnreachableError


class Feed:
    """Updates `jobs` from a daemon, across its restarts.

    ids: watch these jobs; empty for all live and all new ones. projects: only their jobs.
    """

    def __init__(self, client: AsyncClient, ids: Sequence[str] = (), projects: Sequence[str] = ()) -> None:
        self.jobs = WatchedJobs()
        self._client = client
        self._ids = list(ids)
        self._projects = list(projects)
        self._after = 0

    @property
    def ids(self) -> Sequence[str]:
        """The ids of the watched jobs, complete after `open`; empty for all jobs."""
        return self._ids

    async def open(self) -> None:
        """Request the current jobs. Raises Refused for an unknown id."""
        newest = await self._client.list_jobs(projects=self._projects, states=LIVE_STATES, limit=1)
        self._after = newest.seq
        if self._ids:
            jobs = [await self._client.get_job(job) for job in self._ids]
            self._ids = [job.id for job in jobs]
        else:
            jobs = [job async for job in self._client.iter_jobs(self._projects, LIVE_STATES)]
        for job in sorted(jobs, key=lambda job: (job.created_at, job.id)):
            self.jobs.put(job)

    async def changes(self) -> AsyncIterator[Job]:
        """Each changed job after its change; ends when no live job is left."""
        while self.jobs.live:
            try:
                async for job in self._events():
                    yield job
                    if not self.jobs.live:
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
            known = self.jobs.get(event.job)
            if known is not None and event.seq <= known.seq:
                continue
            # The event does not have all fields of a new or an ended job.
            partial = known is None or isinstance(event, Ended)
            job = await self._try_status(event.job) if partial and not isinstance(event, Removed) else None
            if job is not None:
                self.jobs.put(job)
            else:
                job = self.jobs.apply(event)
            if job is not None:
                yield job

    async def _catch_up(self) -> AsyncIterator[Job]:
        """Events were missed: request every job that may have changed."""
        known = list(self.jobs.live)
        newest = await self._client.list_jobs(projects=self._projects, states=LIVE_STATES, limit=1)
        self._after = newest.seq
        for job_id in known:
            job = await fetch_job(self._client, job_id)
            if job is None:
                self.jobs.live.pop(job_id)
            elif self.jobs.put(job):
                yield job
        if not self._ids:
            async for job in self._client.iter_jobs(self._projects, LIVE_STATES):
                if self.jobs.put(job):
                    yield job

    async def _try_status(self, job_id: str) -> Job | None:
        """The job, or None when the daemon is unreachable, so that the event must do."""
        try:
            return await fetch_job(self._client, job_id)
        except DaemonUnreachableError:
            return None


async def fetch_job(client: AsyncClient, job_id: str) -> Job | None:
    """The job, or None if it has been removed."""
    try:
        return await client.get_job(job_id)
    except Refused as refused:
        if refused.code is not ErrorCode.UNKNOWN_JOB:
            raise
        return None
