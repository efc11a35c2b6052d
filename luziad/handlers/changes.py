"""`cancel`, `retry`, `remove`, `progress`, `update_status`: what clients do to jobs."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState, Progress
from luzia_protocol.requests import Cancel, Remove, ReportProgress, Retry, Send, UpdateStatus

from luziad.handlers.base import Call, Services, committed_answer, storage_refusal
from luziad.handlers.dispatch.terms import check_message
from luziad.handlers.worktrees import remove_with_tree
from luziad.jobs.record import JobRecord


def cancel(services: Services, request: Cancel, call: Call) -> None:
    """End a job."""
    record = services.table.find(request.job, call.uid)
    if record.status.state is JobState.QUEUED:
        must_be_writable(services)  # only the store can keep it from starting; a shim carries an end through itself
    services.scheduler.cancel(record, changed_answer(services, record, call))


def retry(services: Services, request: Retry, call: Call) -> None:
    """Queue a final job again, or start one at once that waits for its moment."""
    if services.shutting_down:
        raise Refused(ErrorCode.SHUTTING_DOWN, "the daemon is ending")
    record = services.table.find(request.job, call.uid)
    must_be_writable(services)
    services.scheduler.retry(record, changed_answer(services, record, call), fresh=request.fresh)


def send(services: Services, request: Send, call: Call) -> None:
    """Say something more in the job's conversation."""
    if services.shutting_down:
        raise Refused(ErrorCode.SHUTTING_DOWN, "the daemon is ending")
    record = services.table.find(request.job, call.uid)
    check_message(request.message)
    must_be_writable(services)
    services.scheduler.send(record, request.message, changed_answer(services, record, call))


def remove(services: Services, request: Remove, call: Call) -> Awaitable[None] | None:
    """Forget a final job."""
    record = services.table.find(request.job, call.uid)
    must_be_writable(services)
    if record.status.worktree is not None:
        return remove_with_tree(services, record, call)
    services.scheduler.remove(record, changed_answer(services, record, call))
    return None


def progress(services: Services, request: ReportProgress, call: Call) -> None:
    """Tell how far a running job is."""
    done, total = request.done, request.total
    if request.percent is not None:
        done, total = request.percent, 100.0
    _report(services, request.job, _progress(done, total, request.label, request.phase), call)


def update_status(services: Services, request: UpdateStatus, call: Call) -> None:
    """The older name of `progress`."""
    total = None if request.progress is None else 100.0
    _report(services, request.job, _progress(request.progress, total, request.message, None), call)


def must_be_writable(services: Services) -> None:
    """Raise Refused while the store fails: what is answered now would be forgotten by a crash."""
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)


def _report(services: Services, job: str, reported: Progress, call: Call) -> None:
    record = services.table.find(job, call.uid)
    services.scheduler.progress(record, reported, changed_answer(services, record, call))


def _progress(done: float | None, total: float | None, label: str | None, phase: str | None) -> Progress:
    """What was reported, with the percentage that it makes: at most 99 until the job has ended."""
    if done is None and total is None and label is None and phase is None:
        raise Refused(ErrorCode.BAD_REQUEST, "progress needs a percent, done and total, a label or a phase")
    for number in (done, total):
        if number is not None and not (math.isfinite(number) and 0 <= number < 1e15):
            raise Refused(ErrorCode.BAD_REQUEST, f"{number} is no amount of progress")
    percent = None
    if done is not None and total:
        if done > total:
            raise Refused(ErrorCode.BAD_REQUEST, f"{done:g} done is more than the total of {total:g}")
        percent = min(99, int(100 * done / total))
    return Progress(percent=percent, done=done, total=total, label=_short(label), phase=_short(phase))


def _short(text: str | None) -> str | None:
    return text if text is None else text[:200]


def changed_answer(services: Services, record: JobRecord, call: Call) -> Callable[[], None]:
    """Answers, when it is called, with the state that the job has then."""

    def changed() -> replies.JobChange:
        state: JobState = record.status.state
        return replies.JobChange(record.id, state, record.attempt.number if record.attempt else 0)

    return committed_answer(services, call, changed)
