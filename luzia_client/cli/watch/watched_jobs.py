"""The jobs of a live view, updated by events. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from luzia_protocol import events
from luzia_protocol.events import Event
from luzia_protocol.jobs import OUTCOME_STATES, Job, JobState, Progress

MAX_ENDED = 500
"""The number of ended jobs that are kept; older ones are only counted."""


class WatchedJobs:
    """The watched jobs. `live` and `ended` are by id, the least recently changed first."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.live: dict[str, Job] = {}
        self.ended: dict[str, Job] = {}
        self._dropped: Counter[JobState] = Counter()
        for job in jobs:
            self.put(job)

    def put(self, job: Job) -> bool:
        """Add or replace a job; False when it is not newer."""
        current = self.get(job.id)
        if current is not None and current.seq == job.seq:
            return False
        if job.state.is_final:
            self.live.pop(job.id, None)
            self.ended.pop(job.id, None)
            self.ended[job.id] = job
            self._drop_oldest()
        else:
            self.ended.pop(job.id, None)
            self.live[job.id] = job
        return True

    def get(self, job_id: str) -> Job | None:
        """The job with this id, None when it is not watched or no longer kept."""
        return self.live.get(job_id) or self.ended.get(job_id)

    def apply(self, event: Event) -> Job | None:
        """Update a job; returns it if it changed, None for old events and unknown jobs."""
        job = self.get(event.job)
        if job is None or event.seq <= job.seq:
            return None
        if isinstance(event, events.Removed):
            self.live.pop(job.id, None)
            return None
        after = apply_event(job, event)
        self.put(after)
        return after

    def counts(self) -> Counter[JobState]:
        """The number of jobs by state."""
        counts = Counter(self._dropped)
        counts.update(job.state for job in self.live.values())
        counts.update(job.state for job in self.ended.values())
        return counts

    @property
    def held(self) -> int:
        """The number of queued jobs that a user holds."""
        return sum(job.held_at is not None for job in self.live.values())

    def _drop_oldest(self) -> None:
        while len(self.ended) > MAX_ENDED:
            oldest = self.ended.pop(next(iter(self.ended)))
            self._dropped[oldest.state] += 1


def apply_event(job: Job, event: Event) -> Job:
    """The job after the event, as far as the event describes it."""
    replace = msgspec.structs.replace
    job = replace(job, state=event.state, seq=event.seq)
    if event.state is not JobState.QUEUED:
        job = replace(job, held_at=None)
    match event:
        case events.Starting():
            return replace(
                job,
                attempt=event.attempt,
                started_at=None,
                ended_at=None,
                duration_s=None,
                exit_code=None,
                signal=None,
                outcome=None,
                progress=None,
                activity=None,
                reason=None,
            )
        case events.Started():
            return replace(job, attempt=event.attempt, started_at=event.at, pid=event.pid)
        case events.Progressed():
            return replace(job, progress=event.progress, activity=event.activity or job.activity)
        case events.Held():
            return replace(job, held_at=event.at)
        case events.Released():
            return replace(job, held_at=None, reason=None)
        case events.Stopping() | events.Requeued():
            return replace(job, reason=event.reason)
        case events.Ended():
            return replace(
                job,
                ended_at=event.at,
                outcome=event.outcome,
                reason=event.reason,
                exit_code=event.exit_code,
                signal=event.signal,
                progress=_final_progress(job.progress, OUTCOME_STATES[event.outcome]),
                pid=None,
            )
        case _:
            return job


def _final_progress(progress: Progress | None, state: JobState) -> Progress | None:
    """A verified end sets a percentage to 100; any other end leaves it as it was."""
    if progress is None or progress.percent is None or state is not JobState.COMPLETED:
        return progress
    return msgspec.structs.replace(progress, percent=100)
