"""What a watching screen knows: jobs, brought up to date by events. Pure; nothing here asks a daemon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from luzia_protocol import events
from luzia_protocol.events import Event
from luzia_protocol.jobs import OUTCOME_STATES, Job, JobState, Progress

MAX_ENDED = 500
"""Ended jobs that are remembered one by one; older ones are only counted."""


class WatchedJobs:
    """The jobs that are watched. `live` and `ended` are by id, oldest news first."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.live: dict[str, Job] = {}
        self.ended: dict[str, Job] = {}
        self._forgotten: Counter[JobState] = Counter()
        for job in jobs:
            self.put(job)

    def put(self, job: Job) -> bool:
        """Take in a job as the daemon tells it; False when that is no news."""
        known = self.get(job.id)
        if known is not None and known.seq == job.seq:
            return False
        if job.state.is_final:
            self.live.pop(job.id, None)
            self.ended.pop(job.id, None)
            self.ended[job.id] = job
            self._forget()
        else:
            self.ended.pop(job.id, None)
            self.live[job.id] = job
        return True

    def get(self, job_id: str) -> Job | None:
        """The job with this id, None when it is not on the board."""
        return self.live.get(job_id) or self.ended.get(job_id)

    def apply(self, event: Event) -> Job | None:
        """Bring a job up to date; returns it when that changed it, None for old news and unknown jobs."""
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
        """Jobs by state."""
        counts = Counter(self._forgotten)
        counts.update(job.state for job in self.live.values())
        counts.update(job.state for job in self.ended.values())
        return counts

    def _forget(self) -> None:
        while len(self.ended) > MAX_ENDED:
            oldest = self.ended.pop(next(iter(self.ended)))
            self._forgotten[oldest.state] += 1


def apply_event(job: Job, event: Event) -> Job:
    """The job after the event, as far as the event tells."""
    replace = msgspec.structs.replace
    job = replace(job, state=event.state, seq=event.seq)
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
    """A verified end is 100 % of whatever had a percentage; any other end leaves it where it was."""
    if progress is None or progress.percent is None or state is not JobState.COMPLETED:
        return progress
    return msgspec.structs.replace(progress, percent=100)
