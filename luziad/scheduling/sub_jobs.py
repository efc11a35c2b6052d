"""Sub-jobs: the jobs that were dispatched from inside another one, and end with it."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.attempt import Verdict
from luziad.jobs.family import ENDS_SUB_JOBS
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable


class SubJobs(JobObserver):
    """Cancels the sub-jobs of a job. `end` ends one live job, queued or not."""

    def __init__(self, table: JobTable, end: Callable[[JobRecord, Verdict], None]) -> None:
        self._table = table
        self._end = end

    def job_ended(self, record: JobRecord) -> None:
        """Cancel the sub-jobs of a job that a user or a limit has ended."""
        if record.status.outcome in ENDS_SUB_JOBS:
            self.cancel(record)

    def cancel(self, record: JobRecord) -> None:
        """Cancel all live jobs below this one; harmless when they are cancelled already."""
        for job in self._table.family.descendants((record.id,)):
            below = self._table.get(job)
            if below is not None and _is_live(below):
                reason = f"cancelled with job {below.ancestors[-1]}, which dispatched it"
                self._end(below, Verdict(Outcome.CANCELLED, reason))


def _is_live(record: JobRecord) -> bool:
    """Whether the job has not ended and is not being stopped for another reason."""
    if record.status.state is JobState.STOPPING and record.attempt is not None:
        return record.attempt.stop_outcome is None
    return not record.status.state.is_final
