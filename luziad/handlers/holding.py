"""`hold` and `release`: a queued job, kept from starting and let go."""

from __future__ import annotations

from luzia_protocol.operating import Hold, Release

from luziad.handlers.base import Call, Services
from luziad.handlers.changes import changed_answer, must_be_writable


def hold(services: Services, request: Hold, call: Call) -> None:
    """Keep a queued job from starting."""
    record = services.table.find(request.job, call.uid)
    must_be_writable(services)
    services.scheduler.holds.hold(record, changed_answer(services, record, call))


def release(services: Services, request: Release, call: Call) -> None:
    """Let a held job start."""
    record = services.table.find(request.job, call.uid)
    must_be_writable(services)
    services.scheduler.holds.release(record, changed_answer(services, record, call))
