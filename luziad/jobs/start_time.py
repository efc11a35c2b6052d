"""When the next attempt of a job may start."""

from __future__ import annotations

import time

from luziad.clocks.clock import ClockTime, on_steady_clock, on_wall_clock
from luziad.jobs.record import JobRecord

_MAX_DRIFT_S = 1.0
"""A smaller difference does not mean that the wall clock was set."""


def next_start(record: JobRecord) -> ClockTime | None:
    """When the next attempt may start; None when it may start now."""
    not_before = record.not_before
    if not not_before:
        return None
    retry, spec = record.status.retry_state, record.spec
    if retry is not None and retry.not_before is not None:
        return on_steady_clock(not_before, retry.not_before_steady)
    if spec.terms is not None and spec.terms.start_in_s is not None:
        return on_steady_clock(spec.created_at, spec.created_steady, spec.terms.start_in_s)
    return on_wall_clock(not_before)


def next_start_at(record: JobRecord) -> float | None:
    """The same in epoch seconds, on the wall clock as it is set now."""
    at = next_start(record)
    if at is None:
        return None
    planned_at, current_at = record.not_before, time.time() + at.left_s
    return planned_at if planned_at is not None and abs(planned_at - current_at) < _MAX_DRIFT_S else current_at
