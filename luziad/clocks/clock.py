"""Moments on two clocks: the one on the wall, which people set, and a steady one, for what waits a number of seconds.

The steady clock is the kernel's CLOCK_BOOTTIME: nobody sets it, and it goes on while the machine sleeps. It begins
anew with each boot. Dependencies one, what counts is the moment that was meant on the wall clock, taken over once.
"""

from __future__ import annotations

import functools
import time
from typing import NamedTuple

import msgspec

from luziad.supervise.boot_clock import boot_id, boottime_s


class SteadyTime(msgspec.Struct, frozen=True, gc=False):
    """A time on the boot clock, as it is stored: seconds since the boot of that id."""

    boot: str
    at_s: float


class ClockTime(NamedTuple):
    """A moment on one of the kernel's clocks."""

    clock: int
    moment: float

    @property
    def left_s(self) -> float:
        """Seconds until then."""
        return self.moment - time.clock_gettime(self.clock)


def steady_time(later_s: float = 0.0) -> SteadyTime:
    """The moment that is so many seconds away, to be stored beside the one on the wall clock."""
    return SteadyTime(boot_id(), boottime_s() + later_s)


def on_wall_clock(moment: float) -> ClockTime:
    """A moment of the wall clock, in epoch seconds."""
    return ClockTime(time.CLOCK_REALTIME, moment)


def on_steady_clock(moment: float, known: SteadyTime | None, later_s: float = 0.0) -> ClockTime:
    """So many seconds after a moment, however the wall clock is set. known: what `steady` said at that moment."""
    at_s = known.at_s if known is not None and known.boot == boot_id() else moment - _ahead_s()
    return ClockTime(time.CLOCK_BOOTTIME, at_s + later_s)


@functools.cache
def _ahead_s() -> float:
    """How far the wall clock is ahead, asked once, so that setting it later changes nothing."""
    return time.time() - boottime_s()
