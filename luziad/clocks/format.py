"""Formats times and durations for messages."""

from __future__ import annotations

import time

from luzia_protocol import times


def format_time(epoch_s: float) -> str:
    """The local time: `23:30`, with the date if it is more than a day away."""
    local = time.localtime(times.nearest(epoch_s))
    near = abs(epoch_s - time.time()) < 86400
    seconds = ":%S" if local.tm_sec else ""
    return time.strftime(f"%H:%M{seconds}" if near else f"%Y-%m-%d %H:%M{seconds}", local)


def format_duration(seconds: float) -> str:
    """A duration: `8 s`, `7m30s`, `2h05m`, `3d04h`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
