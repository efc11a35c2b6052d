"""`clean`, and `remove` of a job with a worktree: requests that wait for git."""

from __future__ import annotations

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Clean

from luziad.handlers.replies import Call, job_change, require_writable
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord


async def clean(services: Services, request: Clean, call: Call) -> None:
    """Remove a job's worktree if no work would be lost, or say why it is kept."""
    record = services.table.find(request.job, call.uid)
    require_writable(services.journal)
    call.out_of_order()
    path = "" if record.status.worktree is None else record.status.worktree.path
    why = await services.scheduler.worktrees.clean(record, dry_run=request.dry_run)
    call.answer(replies.CleanResult(record.id, path, removed=why is None, why=why))
    call.finish()


async def remove_with_worktree(services: Services, record: JobRecord, call: Call) -> None:
    """Remove a finished job after its worktree."""
    call.out_of_order()
    why = await services.scheduler.worktrees.clean(record)
    if why is not None:
        raise Refused(ErrorCode.WORKTREE_KEPT, f"the worktree of job {record.id} is kept: {why}")

    def removed() -> None:
        call.answer(job_change(record))
        call.finish()

    services.scheduler.retention.remove(services.table.find(record.id, call.uid), removed)
