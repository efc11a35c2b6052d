"""Wakes the loop at a moment of one of the kernel's clocks, also when it was set or the machine has slept meanwhile.

The loop's own timers count seconds that pass, and sleep makes them late. The kernel's timerfd(2) knows the clocks.
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
    """Calls `due` once the clock has reached the moment that was set last. Costs nothing until one is set.

    told_of_sets: `due` is called as well when somebody sets the wall clock, for those who then want another moment.
    """

    def __init__(
        self, due: Callable[[], None], clock: int = time.CLOCK_REALTIME, *, told_of_sets: bool = False
    ) -> None:
        self._due = due
        self._clock = clock
        self._flags = _ABSOLUTE | _CANCEL_ON_SET if told_of_sets else _ABSOLUTE
        self._descriptor: int | None = None

    def set(self, moment: float | None) -> None:
        """Wake at `moment`, in seconds of the clock, instead of at the one before; at none when it is None."""
        if self._descriptor is None:
            if moment is None:
                return
            self._descriptor = _checked(_libc.timerfd_create(self._clock, _FLAGS))
            asyncio.get_running_loop().add_reader(self._descriptor, self._fired)
        at = _Timespec(0, 0)
        if moment is not None:
            at = _Timespec(int(moment), max(1, int(moment % 1 * 1e9)))  # a moment of 0 would stop the timer
        setting = _Setting(_Timespec(0, 0), at)
        _checked(_libc.timerfd_settime(self._descriptor, self._flags, ctypes.byref(setting), None))

    def close(self) -> None:
        """Wake no more."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _fired(self) -> None:
        assert self._descriptor is not None
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # it was set anew after it had fired
        except OSError as exc:
            if exc.errno != errno.ECANCELED:  # which tells that the clock was set
                raise
        self._due()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
