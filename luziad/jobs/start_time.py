"""When the next attempt of a job may start."""

from __future__ import annotations

import time

from luziad.clocks.clock import ClockTime, on_steady_clock, on_wall_clock
from luziad.jobs.record import JobRecord

_SAME_S = 1.0
"""Two clocks that differ by less were not set."""


def next_start(record: JobRecord) -> ClockTime | None:
    """When the next attempt may start; None when it need not wait."""
    moment = record.not_before
    if not moment:
        return None
    retry, spec = record.status.retry_state, record.spec
    if retry is not None and retry.not_before is not None:
        return on_steady_clock(moment, retry.not_before_steady)
    if spec.terms is not None and spec.terms.start_in_s is not None:
        return on_steady_clock(spec.created_at, spec.created_steady, spec.terms.start_in_s)
    return on_wall_clock(moment)


def next_start_at(record: JobRecord) -> float | None:
    """The same, on the wall clock as it is set now."""
    at = next_start(record)
    if at is None:
        return None
    moment, now_meant = record.not_before, time.time() + at.left_s
    return moment if moment is not None and abs(moment - now_meant) < _SAME_S else now_meant
