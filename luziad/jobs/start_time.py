"""When the next attempt of a job may start."""

from __future__ import annotations

import time

from luziad.clocks.clock import At, counted, wall
from luziad.jobs.record import JobRecord

_SAME_S = 1.0
"""Two clocks that differ by less were not set."""


def start_of(record: JobRecord) -> At | None:
    """When the next attempt may start; None when it need not wait."""
    moment = record.not_before
    if not moment:
        return None
    again, spec = record.fate.again, record.spec
    if again is not None and again.not_before is not None:
        return counted(moment, again.start)
    if spec.terms is not None and spec.terms.start_in_s is not None:
        return counted(spec.created_at, spec.created, spec.terms.start_in_s)
    return wall(moment)


def shown_start(record: JobRecord) -> float | None:
    """The same, on the wall clock as it is set now."""
    at = start_of(record)
    if at is None:
        return None
    moment, now_meant = record.not_before, time.time() + at.left_s
    return moment if moment is not None and abs(moment - now_meant) < _SAME_S else now_meant
