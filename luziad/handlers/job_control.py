"""Requests that control one job: cancel, pause, resume, hold, release, retry and remove."""

from __future__ import annotations

from collections.abc import Awaitable

from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Hold, Release
from luzia_protocol.requests import Cancel, Pause, Remove, Resume, Retry

from luziad.handlers.replies import Call, job_change_reply, require_writable
from luziad.handlers.services import Services
from luziad.handlers.worktrees import remove_with_worktree


def cancel(services: Services, request: Cancel, call: Call) -> None:
    """Cancel a job."""
    record = services.table.find(request.job, call.uid)
    if record.status.state is JobState.QUEUED:
        require_writable(services.journal)  # only the store keeps it from starting; a shim ends a running one itself
    services.scheduler.cancel(record, job_change_reply(services.journal, record, call))


def pause(services: Services, request: Pause, call: Call) -> None:
    """Suspend a running job."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    services.scheduler.pauses.pause(record, job_change_reply(services.journal, record, call))


def resume(services: Services, request: Resume, call: Call) -> None:
    """Resume a paused job."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    services.scheduler.pauses.resume(record, job_change_reply(services.journal, record, call))


def hold(services: Services, request: Hold, call: Call) -> None:
    """Keep a queued job from starting."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    services.scheduler.holds.hold(record, job_change_reply(services.journal, record, call))


def release(services: Services, request: Release, call: Call) -> None:
    """Allow a held job to start."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    services.scheduler.holds.release(record, job_change_reply(services.journal, record, call))


def retry(services: Services, request: Retry, call: Call) -> None:
    """Queue a finished job again, or start a job at once that waits for its start time."""
    services.shutdown.require_running()
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    services.scheduler.retry(record, job_change_reply(services.journal, record, call), fresh=request.fresh)


def remove(services: Services, request: Remove, call: Call) -> Awaitable[None] | None:
    """Remove a finished job."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    if record.status.worktree is not None:
        return remove_with_worktree(services, record, call)
    services.scheduler.retention.remove(record, job_change_reply(services.journal, record, call))
    return None
