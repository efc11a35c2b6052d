"""Validates dispatches and waits that come from inside a job."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.config.schema import DaemonConfig
from luziad.jobs.family import ENDS_SUB_JOBS
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.ids import JOB_ID
from luziad.jobs.record import JobRecord
from luziad.jobs.resources import MACHINE, describe_amount
from luziad.jobs.table import JobTable
from luziad.scheduling.ready.queue import ReadyQueue


def validate_ancestors(
    parent: str, uid: int, table: JobTable, config: DaemonConfig, budgets: FamilyBudgets, siblings: int = 0
) -> tuple[str, ...]:
    """The ancestors of a sub-job of `parent`, the parent last; none when this daemon does not know the parent.

    budgets: what is left for sub-jobs. siblings: sub-jobs that are dispatched together with this one. Raises Refused.
    """
    if table.get(parent) is None and JOB_ID.fullmatch(parent):
        return ()
    record = table.find(parent, uid)
    if _is_ended(record):
        state = record.status.state.value.replace("_", " ")
        raise Refused(ErrorCode.PARENT_ENDED, f"the parent job {record.id} is {state}")
    ancestors = (*record.ancestors, record.id)
    if len(ancestors) > config.max_sub_job_depth:
        message = f"a sub-job of job {record.id} would be at depth {len(ancestors)}"
        raise Refused(ErrorCode.TOO_DEEP, f"{message}; the limit is {config.max_sub_job_depth}")
    for job in ancestors:
        dispatched = table.family.dispatched(job) + siblings
        if dispatched >= config.max_sub_jobs:
            message = f"sub-jobs of job {job}: {dispatched}"
            raise Refused(ErrorCode.TOO_MANY_SUB_JOBS, f"{message}; the limit is {config.max_sub_jobs}")
    if budgets.left_usd(record) == 0:
        raise Refused(ErrorCode.BUDGET_SPENT, f"nothing is left of the budget for sub-jobs of job {record.id}")
    return ancestors


def _is_ended(record: JobRecord) -> bool:
    """Whether a user or a limit has ended the job. The children of one that ended by itself may still dispatch."""
    if record.status.state.is_final:
        return record.status.outcome in ENDS_SUB_JOBS
    stopping = record.status.state is JobState.STOPPING
    return stopping and record.attempt is not None and record.attempt.stop_outcome is not None


def validate_wait(waiter: str, table: JobTable, ready: ReadyQueue, records: list[JobRecord]) -> None:
    """Raise Refused when the job `waiter` would wait forever: for itself, or for a job that needs what it holds."""
    for record in records:
        if record.id == waiter and not record.status.state.is_final:
            raise Refused(ErrorCode.WAITS_FOR_ITSELF, f"job {waiter} would wait for its own end")
        if record.status.state is not JobState.QUEUED or not record.ancestors:
            continue
        for name, amount in record.wants.needs:
            if name not in MACHINE:
                _validate_need(table, ready, record, name, amount)


def _validate_need(table: JobTable, ready: ReadyQueue, record: JobRecord, name: str, amount: int) -> None:
    ancestors = [ancestor for job in record.ancestors if (ancestor := table.get(job)) is not None]
    live = [each for each in ancestors if each.id in ready.held or each.id in ready.lent]
    held = {each.id: dict(each.wants.needs).get(name, 0) for each in live}
    if amount <= ready.limits.resources.get(name, 0) - sum(held.values()):
        return
    job = next((job for job, count in held.items() if count), None)
    if job is not None:
        message = f"job {record.id} needs {describe_amount(name, amount)}, which job {job} holds while it waits"
        raise Refused(ErrorCode.WAITS_FOR_ITSELF, message)
