"""`edit`: change the task, the priority or the dependencies of a queued job."""

from __future__ import annotations

from collections.abc import Generator

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Dispatch, Edit

from luziad.errors import StorageError
from luziad.handlers.dispatch.dependencies import validate_dependencies
from luziad.handlers.dispatch.inputs import validate_task
from luziad.handlers.dispatch.launch_options import validate_with_work
from luziad.handlers.dispatch.requirements import validate_priority
from luziad.handlers.replies import Call, SlicedReply, job_change_reply, require_writable, storage_refusal
from luziad.handlers.services import Services
from luziad.jobs.abridging import parents_size, text_size
from luziad.jobs.dependencies import NO_DEPENDENCIES, Dependencies, search_cycle
from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.refusals import EDIT, wrong_state
from luziad.jobs.requirements import NO_REQUIREMENTS
from luziad.jobs.view import spec_text, task_text

STEPS_AT_ONCE = 50
"""Jobs whose dependencies are searched for a cycle at once; more are searched in turns."""


def edit(services: Services, request: Edit, call: Call) -> SlicedReply | None:
    """Validate all changes, apply them, and answer when they are on disk."""
    slices = _edit(services, services.table.find(request.job, call.uid), request, call)
    for _ in range(STEPS_AT_ONCE):
        try:
            next(slices)
        except StopIteration:
            return None
    return slices


def _edit(services: Services, record: JobRecord, request: Edit, call: Call) -> SlicedReply:
    is_moved, moves = not request.after is request.after_any is request.after_fail is None, -1
    while True:
        if record.status.state is not JobState.QUEUED or record.id not in services.table:
            raise wrong_state(record, ErrorCode.JOB_NOT_QUEUED, EDIT)
        require_writable(services.journal)
        after = _edited_dependencies(services, record, request, call.uid) if is_moved else record.status.dependencies
        if not is_moved or moves == services.scheduler.moves:
            break
        moves = services.scheduler.moves  # what others edit meanwhile could close a cycle: then it is searched again
        yield from _refuse_cycle(services, record, after)
    spec = _edited_spec(services, record, request)
    before = text_size(task_text(record)) if record.task_bytes is None else record.task_bytes
    growth = text_size(spec_text(spec)) + parents_size(after) - before - parents_size(record.status.dependencies)
    if growth > 0:
        services.job_factory.require_room(0)
    services.scheduler.edit(record, spec, after, growth, job_change_reply(services.journal, record, call))
    return None


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
    return after


def _refuse_cycle(services: Services, record: JobRecord, after: Dependencies | None) -> Generator[None, None, None]:
    """Raise Refused if the job would wait for itself."""
    found = yield from search_cycle(record.id, lambda job: _parents(services, job, record.id, after))
    if found:
        raise Refused(ErrorCode.GRAPH_CYCLE, f"dependency cycle: {' → '.join(found)}")


def _parents(services: Services, job: str, edited: str, after: Dependencies | None) -> tuple[str, ...]:
    """What a job will depend on. Finished jobs wait for nothing, so no cycle contains one."""
    if job == edited:
        return () if after is None else after.parents
    record = services.table.get(job)
    if record is None or record.status.state.is_final or record.status.dependencies is None:
        return ()
    return record.status.dependencies.parents
