"""`edit`: change what a queued job is to do, how urgent it is, and what it comes after."""

from __future__ import annotations

import msgspec

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Dispatch, Edit

from luziad.handlers.base import Call, Services, committed_answer, storage_refusal
from luziad.handlers.dispatch.dependencies import after_of
from luziad.handlers.dispatch.dispatch import check_task
from luziad.handlers.dispatch.requirements import check_priority
from luziad.jobs.dependencies import NO_DEPENDENCIES, Dependencies, find_cycle
from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.requirements import NO_REQUIREMENTS


def edit(services: Services, request: Edit, call: Call) -> None:
    """Check all changes, make them, and answer when they are on disk."""
    record = services.table.find(request.job, call.uid)
    if record.status.state is not JobState.QUEUED:
        raise Refused(ErrorCode.JOB_NOT_QUEUED, f"job {record.id} is {record.status.state.value.replace('_', ' ')}")
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)
    spec, after = _spec(record, request), _after(services, record, request, call.uid)

    def changed() -> replies.JobChange:
        return replies.JobChange(record.id, record.status.state, record.attempt.number if record.attempt else 0)

    services.scheduler.edit(record, spec, after, committed_answer(services, call, changed))


def _spec(record: JobRecord, request: Edit) -> JobSpec:
    spec = record.spec
    if request.task is not None:
        if spec.argv is not None:
            raise Refused(ErrorCode.INVALID_TASK, f"job {record.id} runs an exact command, which has no task")
        check_task(request.task)
        spec = msgspec.structs.replace(spec, task=request.task)
    if request.priority is not None:
        check_priority(request.priority)
        claims = msgspec.structs.replace(spec.requirements or NO_REQUIREMENTS, priority=request.priority)
        spec = msgspec.structs.replace(spec, requirements=None if claims == NO_REQUIREMENTS else claims)
    return spec


def _after(services: Services, record: JobRecord, request: Edit, uid: int) -> Dependencies | None:
    """What the job comes after then; a kind that the request does not name stays as it is. Raises Refused."""
    known = record.status.dependencies or NO_DEPENDENCIES
    if request.after is request.after_any is request.after_fail is None:
        return record.status.dependencies

    def id_of(name: str) -> str:
        # A parent that is gone since has ended well, and may stay.
        return name if name in known.parents else services.table.find(name, uid).id

    after = after_of(
        Dispatch(
            project=record.project,
            after=[*known.completed] if request.after is None else request.after,
            after_any=[*known.ended] if request.after_any is None else request.after_any,
            after_fail=[*known.failed] if request.after_fail is None else request.after_fail,
        ),
        id_of,
    )
    found = find_cycle(record.id, lambda job: _parents(services, job, record.id, after))
    if found:
        raise Refused(ErrorCode.GRAPH_CYCLE, f"these jobs would wait for one another: {' → '.join(found)}")
    return after


def _parents(services: Services, job: str, edited: str, after: Dependencies | None) -> tuple[str, ...]:
    """What a job will come after. Jobs that have ended wait for nobody, so no circle goes through them."""
    if job == edited:
        return () if after is None else after.parents
    record = services.table.get(job)
    if record is None or record.status.state.is_final or record.status.dependencies is None:
        return ()
    return record.status.dependencies.parents
