"""Checks a dispatch that comes from inside a job."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.config import DaemonConfig
from luziad.core.family import ENDED_FROM_OUTSIDE
from luziad.core.ids import JOB_ID
from luziad.core.record import JobRecord
from luziad.core.table import JobTable


def ancestors_of(parent: str, uid: int, table: JobTable, bounds: DaemonConfig, others: int) -> tuple[str, ...]:
    """The ancestors of a job that is dispatched from inside `parent`; none when that is another luzia's or forgotten.

    others: jobs from inside it that come with this one. Raises Refused.
    """
    if table.get(parent) is None and JOB_ID.fullmatch(parent):
        return ()
    record = table.find(parent, uid)
    if _is_ended(record):
        state = record.fate.state.value.replace("_", " ")
        raise Refused(ErrorCode.PARENT_ENDED, f"job {record.id}, from inside which it is dispatched, is {state}")
    ancestors = (*record.ancestors, record.id)
    if len(ancestors) > bounds.max_sub_job_depth:
        words = f"job {record.id} is inside {len(ancestors) - 1} others itself"
        raise Refused(ErrorCode.TOO_DEEP, f"{words}, and a depth of {bounds.max_sub_job_depth} is the limit")
    for job in ancestors:
        dispatched = table.families.below(job) + others
        if dispatched >= bounds.max_sub_jobs:
            words = f"job {job} and those below it have dispatched {dispatched} jobs"
            raise Refused(ErrorCode.TOO_MANY_SUB_JOBS, f"{words}, and {bounds.max_sub_jobs} is the limit")
    return ancestors


def _is_ended(record: JobRecord) -> bool:
    """Whether somebody or a limit ends the job, or has; one that ended by itself may have left something behind."""
    if record.fate.state.is_final:
        return record.fate.outcome in ENDED_FROM_OUTSIDE
    stopping = record.fate.state is JobState.STOPPING
    return stopping and record.attempt is not None and record.attempt.stop_outcome is not None
