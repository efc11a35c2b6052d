"""What runs goes on while nothing else starts: the sub-jobs for which it waits start, or it could not end."""

from __future__ import annotations

from luzia_protocol.jobs import JobState

from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.queue_control import QueueStops
from luziad.scheduling.ready.queue import ReadyQueue


class GoingOn:
    """Finds the queued sub-jobs that a drain or a pause of the queue does not keep from starting.

    They are below a job that waits for some of them, and has lent its slots. One that is paused itself needs none.
    """

    def __init__(self, table: JobTable, ready: ReadyQueue, queues: QueueStops) -> None:
        self._table = table
        self._ready = ready
        self._queues = queues

    def why(self, record: JobRecord) -> str | None:
        """Why nothing of the job's kind starts, in words; None when the queue is open for it."""
        words = self._queues.why(record)
        return None if words is None or any(map(self._waits, record.ancestors)) else words

    def jobs(self) -> list[JobRecord]:
        """Those that wait for nothing but a slot, the deepest first, then the oldest."""
        if not self._queues.any or not self._ready.lent:
            return []
        below = self._table.family.descendants(filter(self._waits, self._ready.lent))
        queued = (self._table.get(job) for job in below if job in self._ready.waiting)
        found = [each for each in queued if each is not None and self._queues.why(each) is not None]
        return sorted(found, key=lambda each: (-len(each.ancestors), each.n))

    def _waits(self, job: str) -> bool:
        """Whether a job runs and waits for sub-jobs."""
        record = self._table.get(job) if job in self._ready.lent else None
        return record is not None and record.status.state is not JobState.PAUSED
