"""Sub-jobs: the jobs that were dispatched from inside another one, and what its end means for them."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.attempt import Verdict
from luziad.jobs.family import ENDS_SUB_JOBS
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable


class SubJobs:
    """Ends the sub-jobs of a job with it. `end` ends one live job, whether it waits or runs."""

    def __init__(self, table: JobTable, end: Callable[[JobRecord, Verdict], None]) -> None:
        self._table = table
        self._end = end

    def ended(self, record: JobRecord) -> None:
        """A job is final: when somebody or a limit has ended it, what it dispatched is of no use any more."""
        if record.status.outcome in ENDS_SUB_JOBS:
            self.cancel(record)

    def cancel(self, record: JobRecord) -> None:
        """Cancel all live jobs below this one; asking twice is harmless."""
        for job in self._table.family.descendants((record.id,)):
            below = self._table.get(job)
            if below is not None and _is_live(below):
                words = f"cancelled with job {below.ancestors[-1]}, which dispatched it"
                self._end(below, Verdict(Outcome.CANCELLED, words))


def _is_live(record: JobRecord) -> bool:
    """Whether it has not ended, and nobody has asked for that yet."""
    if record.status.state is JobState.STOPPING and record.attempt is not None:
        return record.attempt.stop_outcome is None
    return not record.status.state.is_final
