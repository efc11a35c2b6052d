"""Checks what a dispatch says about its place in the order of starts, and about what it takes."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_PRIORITY
from luzia_protocol.requests import Dispatch

from luziad.config import ProjectConfig
from luziad.core.claims import Claims


def claims_of(request: Dispatch, project: ProjectConfig | None) -> Claims | None:
    """What was asked for, or the project says; None for the many jobs that are as urgent as all. Raises Refused."""
    priority = request.priority
    if priority is None and project is not None:
        priority = project.priority
    if not priority:
        return None
    if abs(priority) > MAX_PRIORITY:
        raise Refused(ErrorCode.BAD_REQUEST, f"`priority` must be from {-MAX_PRIORITY} to {MAX_PRIORITY}")
    return Claims(priority=priority)
