"""`import`: jobs of another luzia."""

from __future__ import annotations

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_IMPORT_JOBS, Import

from luziad.handlers.base import Asked, Call, Services, storage_refusal
from luziad.operations import importing


def import_jobs(services: Services, request: Import, call: Call) -> None:
    """Take in what is not there yet; the answer goes out when it is on disk."""
    if len(request.jobs) > MAX_IMPORT_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"`jobs` has more than {MAX_IMPORT_JOBS} jobs")
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)
    imported = replies.ImportResult(importing.take_in(services.scheduler, request.jobs))
    services.journal.after_commit(Asked(call, lambda: imported))
