"""`pause` and `resume`: a running job, held and let go."""

from __future__ import annotations

from luzia_protocol.requests import Pause, Resume

from luziad.handlers.base import Call, Services
from luziad.handlers.changes import changed_answer, must_be_writable


def pause(services: Services, request: Pause, call: Call) -> None:
    """Let nothing of a running job run for a while."""
    record = services.table.find(request.job, call.uid)
    must_be_writable(services)
    services.scheduler.pauses.pause(record, changed_answer(services, record, call))


def resume(services: Services, request: Resume, call: Call) -> None:
    """Let a paused job run on."""
    record = services.table.find(request.job, call.uid)
    must_be_writable(services)
    services.scheduler.pauses.resume(record, changed_answer(services, record, call))
