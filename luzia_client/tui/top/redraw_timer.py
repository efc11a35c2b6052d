"""When the screen must be drawn again only because time passes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from luzia_protocol.jobs import Job

from luzia_client.cli.show.formatting import elapsed_s

HOUR_S = 3600.0
MINUTE_S = 60.0


def next_redraw_s(jobs: Iterable[Job], now: datetime, interval_s: float) -> float | None:
    """Seconds until a clock of these jobs shows something else; None when none runs.

    interval_s: clocks that show seconds tick so often. Those from an hour on show minutes.
    """
    soonest: float | None = None
    for job in jobs:
        if job.state.is_final:
            continue
        shown_s = elapsed_s(job, now) or 0.0
        seconds_are_shown = shown_s < HOUR_S or job.activity is not None
        tick_s = interval_s if seconds_are_shown else MINUTE_S - shown_s % MINUTE_S + 0.01
        soonest = tick_s if soonest is None else min(soonest, tick_s)
    return soonest
