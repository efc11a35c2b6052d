"""Requests that control one job: its attempts, its place in the queue, its worktree, and its agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from luzia_protocol.base import JobRequest
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Hold, Release
from luzia_protocol.replies import CleanResult, DiscardResult, RemoveResult, RestoreResult, RetryResult
from luzia_protocol.requests import (
    Accept,
    Answer,
    Cancel,
    Clean,
    Discard,
    Pause,
    Reject,
    Remove,
    RestoreWork,
    Resume,
    Retry,
    Send,
)

from luziad.handlers.dispatch.inputs import validate_message
from luziad.handlers.replies import Call, deferred_reply, job_change, job_change_reply, require_writable
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord

DELETION_WAIT_S = 5.0
"""How long the reply to a removal waits until the job's files are deleted."""
RECOVERY_TIMEOUT_S = 10.0
"""How long the removal of a job waits until the store can be written, after the job's files are deleted."""


def cancel(services: Services, request: Cancel, call: Call) -> None:
    """Cancel a job."""
    record = services.table.find(request.job, call.uid)
    if record.status.state is JobState.QUEUED:
        require_writable(services.journal)  # only the store keeps it from starting; a shim ends a running one itself
    services.scheduler.cancel(record, job_change_reply(services.journal, record, call))


def pause(services: Services, request: Pause, call: Call) -> None:
    """Suspend a running job."""
    changed = not services.scheduler.pauses.is_paused(services.table.find(request.job, call.uid))
    services.scheduler.pauses.pause(*_change(services, request, call, changed=changed))


def resume(services: Services, request: Resume, call: Call) -> None:
    """Resume a paused job."""
    changed = services.scheduler.pauses.is_paused(services.table.find(request.job, call.uid))
    services.scheduler.pauses.resume(*_change(services, request, call, changed=changed))


def hold(services: Services, request: Hold, call: Call) -> None:
    """Keep a queued job from starting."""
    changed = services.table.find(request.job, call.uid).status.held_at is None
    services.scheduler.holds.hold(*_change(services, request, call, changed=changed))


def release(services: Services, request: Release, call: Call) -> None:
    """Allow a held job to start."""
    changed = services.table.find(request.job, call.uid).status.held_at is not None
    services.scheduler.holds.release(*_change(services, request, call, changed=changed))


def retry(services: Services, request: Retry, call: Call) -> None:
    """Queue a finished job again, or start a job at once that waits for its start time."""
    services.shutdown.require_running()
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    revived: list[str] = []

    def result() -> RetryResult:
        change = job_change(record)
        return RetryResult(change.job, change.state, change.attempt, revived=revived)

    revived = services.scheduler.retry(record, deferred_reply(services.journal, call, result), fresh=request.fresh)


def accept(services: Services, request: Accept, call: Call) -> None:
    """Accept the work of a completed job."""
    services.scheduler.reviews.accept(*_change(services, request, call))


def reject(services: Services, request: Reject, call: Call) -> None:
    """Reject the work of a completed job."""
    services.scheduler.reviews.reject(*_change(services, request, call))


def remove(services: Services, request: Remove, call: Call) -> Coroutine[Any, Any, None] | None:
    """Remove a finished job."""
    record = services.table.find(request.job, call.uid)
    if services.journal.failure is not None:
        return _remove_from_full_disk(services, record, call)
    if record.status.worktree is not None:
        return _remove_with_worktree(services, record, call)
    services.scheduler.retention.remove(record, _removed_reply(record, call))
    return None


async def clean(services: Services, request: Clean, call: Call) -> None:
    """Remove a job's worktree if no work would be lost, or say why it is kept."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    call.out_of_order()
    path = "" if record.status.worktree is None else record.status.worktree.path
    why = await services.scheduler.worktrees.clean(record, dry_run=request.dry_run)
    call.answer(CleanResult(record.id, path, removed=why is None, why=why))
    call.finish()


async def discard(services: Services, request: Discard, call: Call) -> None:
    """Remove a job's worktree with its work, of which a copy is kept."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    call.out_of_order()
    path = "" if record.status.worktree is None else record.status.worktree.path
    await services.scheduler.discarded.discard(record)
    kept = record.status.discarded
    commit, until = (None, None) if kept is None else (kept.commit, kept.kept_until)
    call.answer(DiscardResult(record.id, path, commit, until))
    call.finish()


async def restore_work(services: Services, request: RestoreWork, call: Call) -> None:
    """Restore a job's worktree that was discarded."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    call.out_of_order()
    await services.scheduler.discarded.restore(record)
    assert record.status.worktree is not None
    call.answer(RestoreResult(record.id, record.status.worktree))
    call.finish()


async def _remove_with_worktree(services: Services, record: JobRecord, call: Call) -> None:
    """Remove a finished job after its worktree."""
    call.out_of_order()
    services.scheduler.retention.require_removable(record)
    why = await services.scheduler.worktrees.clean(record)
    if why is not None:
        raise Refused(ErrorCode.WORKTREE_KEPT, f"the worktree of job {record.id} is kept: {why}")

    services.scheduler.retention.remove(
        services.table.find(record.id, call.uid), _removed_reply(record, call, is_stream=True)
    )


async def _remove_from_full_disk(services: Services, record: JobRecord, call: Call) -> None:
    """Remove a finished job while the store cannot be written: its own files may have filled the disk."""
    await services.scheduler.retention.delete_files(record)
    await services.journal.recovery(RECOVERY_TIMEOUT_S)
    record = services.table.find(record.id, call.uid)
    if record.status.worktree is not None:
        await _remove_with_worktree(services, record, call)
    else:
        services.scheduler.retention.remove(record, _removed_reply(record, call))


def _removed_reply(
    record: JobRecord, call: Call, *, is_stream: bool = False
) -> Callable[[asyncio.Future[str | None]], None]:
    """A callback for the commit of a removal, which answers when the files are deleted, or says that they are not."""
    change, answered = job_change(record), False

    def answer(note: str | None) -> None:
        nonlocal answered
        if not answered:
            answered = True
            call.answer(RemoveResult(change.job, change.state, change.attempt, note=note))
            if is_stream:
                call.finish()

    def deleted(deletion: asyncio.Future[str | None]) -> None:
        problem = deletion.result()
        answer(problem and f"its files could not be deleted, which is tried again: {problem}")

    def committed(deletion: asyncio.Future[str | None]) -> None:
        deletion.add_done_callback(deleted)
        asyncio.get_running_loop().call_later(DELETION_WAIT_S, answer, "its files are still being deleted")

    return committed


async def answer(services: Services, request: Answer, call: Call) -> None:
    """Answer a question of the agent."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    call.out_of_order()
    work = services.scheduler.questions.answer(record, request.words, request.question)
    await asyncio.shield(asyncio.get_running_loop().create_task(work))  # an answer is never delivered by half
    call.answer(job_change(record))
    call.finish()


def send(services: Services, request: Send, call: Call) -> None:
    """Send a follow-up message, which resumes the agent's session in the next attempt."""
    record = services.table.find(request.job, call.uid)
    validate_message(request.message)
    services.job_factory.require_room(0)
    services.scheduler.send(record, request.message, job_change_reply(services.journal, record, call))


def _change(
    services: Services, request: JobRequest, call: Call, changed: bool = True
) -> tuple[JobRecord, Callable[[], None]]:
    """The job that a request changes, and the reply for when the change is on disk. Raises Refused.

    changed: whether the job was not yet as requested.
    """
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    return record, job_change_reply(services.journal, record, call, changed=changed)
