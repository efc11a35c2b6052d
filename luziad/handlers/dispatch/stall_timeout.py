"""Checks what a dispatch says about signs of life."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Dispatch


def stall_timeout_of(request: Dispatch) -> float | None:
    """How long an attempt may be silent, None when nothing is said for this job. Raises Refused."""
    timeout_s = request.stall_timeout_s
    if timeout_s is not None and not 0 < timeout_s < 1e9:
        raise Refused(ErrorCode.BAD_REQUEST, "`stall_timeout_s` must be a number of seconds above 0")
    return timeout_s
