"""`edit`: change the task, the priority or the dependencies of a queued job."""

from __future__ import annotations

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Dispatch, Edit

from luziad.errors import StorageError
from luziad.handlers.dispatch.dependencies import validate_dependencies
from luziad.handlers.dispatch.inputs import validate_task
from luziad.handlers.dispatch.launch_options import validate_with_work
from luziad.handlers.dispatch.requirements import validate_priority
from luziad.handlers.replies import Call, job_change_reply, require_writable, storage_refusal
from luziad.handlers.services import Services
from luziad.jobs.dependencies import NO_DEPENDENCIES, Dependencies, find_cycle
from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.refusals import EDIT, wrong_state
from luziad.jobs.requirements import NO_REQUIREMENTS


def edit(services: Services, request: Edit, call: Call) -> None:
    """Validate all changes, apply them, and answer when they are on disk."""
    record = services.table.find(request.job, call.uid)
    if record.status.state is not JobState.QUEUED:
        raise wrong_state(record, ErrorCode.JOB_NOT_QUEUED, EDIT)
    require_writable(services.journal)
    spec, after = _edited_spec(services, record, request), _edited_dependencies(services, record, request, call.uid)
    services.scheduler.edit(record, spec, after, job_change_reply(services.journal, record, call))


def _edited_spec(services: Services, record: JobRecord, request: Edit) -> JobSpec:
    try:
        spec = services.scheduler.launcher.whole_spec(record)
    except StorageError as exc:
        raise storage_refusal(exc) from exc
    if request.task is not None:
        if spec.argv is not None:
            raise Refused(ErrorCode.INVALID_TASK, f"job {record.id} runs a command and has no task")
        validate_task(request.task)
        spec = msgspec.structs.replace(spec, task=request.task)
    if request.priority is not None:
        validate_priority(request.priority)
        requirements = msgspec.structs.replace(spec.requirements or NO_REQUIREMENTS, priority=request.priority)
        spec = msgspec.structs.replace(spec, requirements=None if requirements == NO_REQUIREMENTS else requirements)
    return spec


def _edited_dependencies(services: Services, record: JobRecord, request: Edit, uid: int) -> Dependencies | None:
    """The job's new dependencies: lists that the request omits stay as they are. Raises Refused."""
    known = record.status.dependencies or NO_DEPENDENCIES
    if request.after is request.after_any is request.after_fail is None:
        return record.status.dependencies

    def find_id(name: str) -> str:
        # A dependency that was removed meanwhile was met, and may stay.
        return name if name in known.parents else services.table.find(name, uid).id

    after = validate_dependencies(
        Dispatch(
            project=record.project,
            after=[*known.completed] if request.after is None else request.after,
            after_any=[*known.ended] if request.after_any is None else request.after_any,
            after_fail=[*known.failed] if request.after_fail is None else request.after_fail,
        ),
        find_id,
    )
    if record.spec.launch_options is not None and record.spec.launch_options.with_work:
        validate_with_work(after, services.table)
    found = find_cycle(record.id, lambda job: _parents(services, job, record.id, after))
    if found:
        raise Refused(ErrorCode.GRAPH_CYCLE, f"dependency cycle: {' → '.join(found)}")
    return after


def _parents(services: Services, job: str, edited: str, after: Dependencies | None) -> tuple[str, ...]:
    """What a job will depend on. Finished jobs wait for nothing, so no cycle contains one."""
    if job == edited:
        return () if after is None else after.parents
    record = services.table.get(job)
    if record is None or record.status.state.is_final or record.status.dependencies is None:
        return ()
    return record.status.dependencies.parents
