"""Clocks that nobody sets, and the id of the machine's boot, in which they began."""

from __future__ import annotations

import functools
import time


@functools.cache
def boot_id() -> str:
    """The id of this boot, which tells process ids of earlier boots apart."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read().decode().strip()


def boottime_s() -> float:
    """Seconds of a clock that never jumps, and continues while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def awake_s() -> float:
    """Seconds of a clock that never jumps, and stops while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)
