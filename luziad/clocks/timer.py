"""A timer that wakes the event loop at a time of one of the kernel's clocks, using timerfd(2).

Unlike the event loop's own timers it follows changes of the wall clock, and is not late after the machine has slept.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import time
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK  # timerfd's names for these have the same values
_ABSOLUTE = 1
_CANCEL_ON_SET = 2


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class ClockTimer:
    """Calls `due` when the clock reaches the time set last. It opens no descriptor before a time is set.

    on_clock_change: also call `due` when the wall clock is set, so that the caller can set another time.
    """

    def __init__(
        self, due: Callable[[], None], clock: int = time.CLOCK_REALTIME, *, on_clock_change: bool = False
    ) -> None:
        self._due = due
        self._clock = clock
        self._flags = _ABSOLUTE | _CANCEL_ON_SET if on_clock_change else _ABSOLUTE
        self._descriptor: int | None = None

    def set(self, time_s: float | None) -> None:
        """Wake at `time_s`, in seconds of the clock, instead of at the previous time; None cancels it."""
        if self._descriptor is None:
            if time_s is None:
                return
            self._descriptor = _checked(_libc.timerfd_create(self._clock, _FLAGS))
            asyncio.get_running_loop().add_reader(self._descriptor, self._fired)
        at = _Timespec(0, 0)
        if time_s is not None:
            at = _Timespec(int(time_s), max(1, int(time_s % 1 * 1e9)))  # a time of 0 would stop the timer
        setting = _Setting(_Timespec(0, 0), at)
        _checked(_libc.timerfd_settime(self._descriptor, self._flags, ctypes.byref(setting), None))

    def close(self) -> None:
        """Close the timer."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _fired(self) -> None:
        assert self._descriptor is not None
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # it was set again after it had fired
        except OSError as exc:
            if exc.errno != errno.ECANCELED:  # the clock was set
                raise
        self._due()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
