"""Ends attempts that run longer than they may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from luziad.core.attempts import AttemptRef
from luziad.core.record import AttemptRecord, JobRecord


class Timeouts:
    """One timer for each attempt that has a limit. `expired` is told the job and the limit in seconds.

    What counts is the time that the machine is awake: nobody's clock changes it, and a lid that is closed overnight
    ends no job in the morning.
    """

    def __init__(self, expired: Callable[[JobRecord, float], None]) -> None:
        self._expired = expired
        self._timers: dict[AttemptRef, asyncio.TimerHandle] = {}

    def arm(self, record: JobRecord, attempt: AttemptRecord, timeout_s: float | None, ran_s: float) -> None:
        """Begin to count, unless the attempt has no limit or is being ended already. ran_s: what counts already."""
        ref = AttemptRef(record.id, attempt.number)
        if timeout_s is None or ref in self._timers or attempt.stop_outcome is not None:
            return
        loop = asyncio.get_running_loop()
        self._timers[ref] = loop.call_later(max(0.0, timeout_s - ran_s), self._expired, record, timeout_s)

    def disarm(self, ref: AttemptRef) -> None:
        """The attempt is over."""
        timer = self._timers.pop(ref, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Count no more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
