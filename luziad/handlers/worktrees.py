"""`clean`, and `remove` of a job with a worktree: what waits for git."""

from __future__ import annotations

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Clean

from luziad.handlers.base import Call, Services, storage_refusal
from luziad.jobs.record import JobRecord


async def clean(services: Services, request: Clean, call: Call) -> None:
    """Take a worktree away if nothing would be lost, or say why it stays."""
    record = services.table.find(request.job, call.uid)
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)
    call.out_of_order()
    path = "" if record.status.worktree is None else record.status.worktree.path
    why = await services.scheduler.worktrees.clean(record, dry_run=request.dry_run)
    call.answer(replies.CleanResult(record.id, path, removed=why is None, why=why))
    call.finish()


async def remove_with_tree(services: Services, record: JobRecord, call: Call) -> None:
    """Forget a final job once its worktree is gone."""
    call.out_of_order()
    why = await services.scheduler.worktrees.clean(record)
    if why is not None:
        raise Refused(ErrorCode.WORKTREE_KEPT, f"job {record.id} keeps its worktree: {why}")

    def removed() -> None:
        call.answer(replies.JobChange(record.id, record.status.state, record.attempt.number if record.attempt else 0))
        call.finish()

    services.scheduler.remove(services.table.find(record.id, call.uid), removed)
