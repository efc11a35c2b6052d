"""Progress reports of running jobs."""

from __future__ import annotations

import math

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Progress
from luzia_protocol.requests import ReportProgress, UpdateStatus

from luziad.handlers.replies import Call, job_change_reply
from luziad.handlers.services import Services

_MAX_LABEL_CHARS = 200


def report_progress(services: Services, request: ReportProgress, call: Call) -> None:
    """Record the progress of a running job."""
    done, total = request.done, request.total
    if request.percent is not None:
        done, total = request.percent, 100.0
    _record(services, request.job, _validate_progress(done, total, request.label, request.phase), call)


def update_status(services: Services, request: UpdateStatus, call: Call) -> None:
    """The older name of `progress`; an omitted message stays, too."""
    total = None if request.progress is None else 100.0
    progress = _validate_progress(request.progress, total, request.message, None)
    _record(services, request.job, progress, call, keep_label=True)


def _record(services: Services, job: str, progress: Progress, call: Call, *, keep_label: bool = False) -> None:
    record = services.table.find(job, call.uid)
    current = record.status.progress
    if current is not None:
        if progress.done is None and progress.total is None:
            progress = msgspec.structs.replace(
                progress, percent=current.percent, done=current.done, total=current.total
            )
        if keep_label and progress.label is None:
            progress = msgspec.structs.replace(progress, label=current.label)
    services.scheduler.report_progress(record, progress, job_change_reply(services.journal, record, call))


def _validate_progress(done: float | None, total: float | None, label: str | None, phase: str | None) -> Progress:
    """The progress with its percentage, which is at most 99 until the job has ended. Raises Refused."""
    if done is None and total is None and label is None and phase is None:
        raise Refused(ErrorCode.BAD_REQUEST, "progress needs a percentage, done and total, a label or a phase")
    for number in (done, total):
        if number is not None and not (math.isfinite(number) and 0 <= number < 1e15):
            raise Refused(ErrorCode.BAD_REQUEST, f"invalid amount of progress: {number}")
    percent = None
    if done is not None and total:
        if done > total:
            raise Refused(ErrorCode.BAD_REQUEST, f"progress of {done:g} exceeds the total of {total:g}")
        percent = min(99, int(100 * done / total))
    return Progress(percent=percent, done=done, total=total, label=_clip(label), phase=_clip(phase))


def _clip(text: str | None) -> str | None:
    return None if text is None else text[:_MAX_LABEL_CHARS]
