"""Gives memory back to the system after clients have made the daemon keep much, and when no jobs are running any more.

The C library keeps what is freed for the next time: after a flood, most of what it took. An idle daemon is not woken.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from concurrent.futures import Executor

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord

DELAY_S = 1.0
"""How long after something large was freed, so that a flood costs no more than one time a second."""

_libc = ctypes.CDLL(None)


class SpareMemory(JobObserver):
    """pool: where memory is given back, which takes some time. running: how many jobs run."""

    def __init__(self, pool: Executor, running: Callable[[], int]) -> None:
        self._pool = pool
        self._running = running
        self._timer: asyncio.TimerHandle | None = None

    def freed(self) -> None:
        """Something large was freed: give it back soon."""
        if self._timer is None and hasattr(_libc, "malloc_trim"):  # only glibc has it
            self._timer = asyncio.get_running_loop().call_later(DELAY_S, self._give_back)

    def job_ended(self, record: JobRecord) -> None:
        """Give back what the jobs have taken, after the last of them."""
        if self._running() == 0:
            self.freed()

    def close(self) -> None:
        """Give nothing back any more: the daemon stops."""
        if self._timer is not None:
            self._timer.cancel()

    def _give_back(self) -> None:
        self._timer = None
        asyncio.get_running_loop().run_in_executor(self._pool, _libc.malloc_trim, 0)
