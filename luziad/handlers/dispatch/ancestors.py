"""Checks dispatches and waits that come from inside a job."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.config.schema import DaemonConfig
from luziad.jobs.family import ENDS_SUB_JOBS
from luziad.jobs.ids import JOB_ID
from luziad.jobs.record import JobRecord
from luziad.jobs.resources import MACHINE, describe_amount
from luziad.jobs.table import JobTable
from luziad.scheduling.ready.queue import ReadyQueue


def ancestors_of(parent: str, uid: int, table: JobTable, bounds: DaemonConfig, others: int) -> tuple[str, ...]:
    """The ancestors of a job that is dispatched from inside `parent`; none when that is another luzia's or forgotten.

    others: jobs from inside it that come with this one. Raises Refused.
    """
    if table.get(parent) is None and JOB_ID.fullmatch(parent):
        return ()
    record = table.find(parent, uid)
    if _is_ended(record):
        state = record.status.state.value.replace("_", " ")
        raise Refused(ErrorCode.PARENT_ENDED, f"job {record.id}, from inside which it is dispatched, is {state}")
    ancestors = (*record.ancestors, record.id)
    if len(ancestors) > bounds.max_sub_job_depth:
        words = f"job {record.id} is inside {len(ancestors) - 1} others itself"
        raise Refused(ErrorCode.TOO_DEEP, f"{words}, and a depth of {bounds.max_sub_job_depth} is the limit")
    for job in ancestors:
        dispatched = table.family.dispatched(job) + others
        if dispatched >= bounds.max_sub_jobs:
            words = f"job {job} and those below it have dispatched {dispatched} jobs"
            raise Refused(ErrorCode.TOO_MANY_SUB_JOBS, f"{words}, and {bounds.max_sub_jobs} is the limit")
    return ancestors


def _is_ended(record: JobRecord) -> bool:
    """Whether somebody or a limit ends the job, or has; one that ended by itself may have left something behind."""
    if record.status.state.is_final:
        return record.status.outcome in ENDS_SUB_JOBS
    stopping = record.status.state is JobState.STOPPING
    return stopping and record.attempt is not None and record.attempt.stop_outcome is not None


def check_wait(inside: str, table: JobTable, ready: ReadyQueue, records: list[JobRecord]) -> None:
    """Raise Refused when a job would wait for ever: for itself, or for one that needs what is kept meanwhile."""
    for record in records:
        if record.id == inside and not record.status.state.is_final:
            raise Refused(ErrorCode.WAITS_FOR_ITSELF, f"job {inside} would wait for its own end")
        if record.status.state is not JobState.QUEUED or not record.ancestors:
            continue
        for name, amount in record.wants.needs:
            if name not in MACHINE:
                _check_lock(table, ready, record, name, amount)


def _check_lock(table: JobTable, ready: ReadyQueue, record: JobRecord, name: str, amount: int) -> None:
    above = [ancestor for job in record.ancestors if (ancestor := table.get(job)) is not None]
    live = [each for each in above if each.id in ready.held or each.id in ready.lent]
    kept = {each.id: dict(each.wants.needs).get(name, 0) for each in live}
    if amount <= ready.limits.resources.get(name, 0) - sum(kept.values()):
        return
    job = next((job for job, count in kept.items() if count), None)
    if job is not None:
        words = f"job {record.id} needs {describe_amount(name, amount)}, and job {job} keeps it while it waits"
        raise Refused(ErrorCode.WAITS_FOR_ITSELF, words)
