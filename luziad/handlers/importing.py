"""`import`: jobs of another luzia."""

from __future__ import annotations

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_IMPORT_JOBS, Import

from luziad import importing
from luziad.errors import StorageError
from luziad.handlers.base import Call, Services, storage_refusal


def import_jobs(services: Services, request: Import, call: Call) -> None:
    """Take in what is not there yet; the answer goes out when it is on disk."""
    if len(request.jobs) > MAX_IMPORT_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"`jobs` has more than {MAX_IMPORT_JOBS} jobs")
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)
    imports = importing.take_in(services.scheduler, request.jobs)
    services.journal.after_commit(_Asked(call, replies.Imported(imports)))


class _Asked:
    """The client that waits for the commit."""

    def __init__(self, call: Call, imported: replies.Imported) -> None:
        self._call = call
        self._imported = imported

    def committed(self) -> None:
        self._call.answer(self._imported)

    def refused(self, error: StorageError) -> None:
        self._call.refuse(storage_refusal(error))
