"""Times on two clocks: the wall clock, which can be set, and the steady clock, for delays in seconds.

The steady clock is the kernel's CLOCK_BOOTTIME: it cannot be set, and it counts while the machine sleeps. It restarts
from 0 with each boot; a steady time of an earlier boot is replaced by the time on the wall clock.
"""

from __future__ import annotations

import functools
import time
from typing import NamedTuple

import msgspec

from luziad.supervise.boot_clock import boot_id, boottime_s


class SteadyTime(msgspec.Struct, frozen=True, gc=False):
    """A time on the steady clock, as it is stored: seconds since the boot with that id."""

    boot: str
    at_s: float


class ClockTime(NamedTuple):
    """A time on one of the kernel's clocks, in seconds."""

    clock: int
    time_s: float

    @property
    def left_s(self) -> float:
        """Seconds until this time."""
        return self.time_s - time.clock_gettime(self.clock)


def steady_time(later_s: float = 0.0) -> SteadyTime:
    """The time in `later_s` seconds, to be stored beside the time on the wall clock."""
    return SteadyTime(boot_id(), boottime_s() + later_s)


def on_wall_clock(epoch_s: float) -> ClockTime:
    """A time on the wall clock."""
    return ClockTime(time.CLOCK_REALTIME, epoch_s)


def on_steady_clock(epoch_s: float, known: SteadyTime | None, later_s: float = 0.0) -> ClockTime:
    """The time `later_s` after `epoch_s`, whatever the wall clock is set to. known: the steady time at `epoch_s`."""
    at_s = known.at_s if known is not None and known.boot == boot_id() else epoch_s - _wall_clock_offset_s()
    return ClockTime(time.CLOCK_BOOTTIME, at_s + later_s)


@functools.cache
def _wall_clock_offset_s() -> float:
    """The difference of the clocks, read once, so that a later change of the wall clock has no effect."""
    return time.time() - boottime_s()
