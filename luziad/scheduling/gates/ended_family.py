"""The gate of ended families: the queued sub-jobs of a job that was ended do not start while they are cancelled."""

from __future__ import annotations

from collections.abc import Callable

from luziad.jobs.record import JobRecord
from luziad.scheduling.gates.gates import Gate


class EndedFamilyGate(Gate):
    """Closed for the jobs below some jobs. admit: that of Gates."""

    name = "parent job"

    def __init__(self, admit: Callable[..., None]) -> None:
        self._admit = admit
        self._ended: set[str] = set()
        self._held: dict[str, JobRecord] = {}

    def is_ended(self, job: str) -> bool:
        """Whether the jobs below this one are being cancelled."""
        return job in self._ended

    def add(self, job: str) -> None:
        """Let no job below this one start."""
        self._ended.add(job)

    def remove(self, job: str) -> None:
        """All jobs below this one that were to be cancelled are: one that was retried since may start."""
        self._ended.discard(job)
        free = [record for record in self._held.values() if not self.is_closed(record)]
        for record in free:
            del self._held[record.id]
        if free:
            self._admit(*free)

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job is below one of those."""
        return bool(self._ended) and not self._ended.isdisjoint(record.ancestors)

    def reason(self, record: JobRecord) -> str:
        """`job 113754-a2f5 was ended, and its sub-jobs are being cancelled`."""
        ended = next(job for job in record.ancestors if job in self._ended)
        return f"job {ended} was ended, and its sub-jobs are being cancelled"

    def hold(self, record: JobRecord) -> None:
        """Hold the job until it is cancelled, or the others are."""
        self._held[record.id] = record

    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer."""
        del self._held[record.id]
