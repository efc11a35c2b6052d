"""Checks what a dispatch says about when its job runs, and how often."""

from __future__ import annotations

from luzia_protocol.requests import Dispatch

from luziad.core.terms import Terms


def terms_of(request: Dispatch) -> Terms | None:
    """The terms that were asked for; None for the many jobs that have none."""
    if request.not_before is None:
        return None
    return Terms(not_before=request.not_before.timestamp())
