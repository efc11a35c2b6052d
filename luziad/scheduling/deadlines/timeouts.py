"""Ends attempts that run longer than they may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import AttemptRecord, JobRecord


class _Limit:
    """The limit of one attempt.

    left_s: what was left of it when its timer was set last, at set_at of the loop's clock. timer: None while paused.
    """

    __slots__ = ("left_s", "record", "set_at", "timeout_s", "timer")

    def __init__(self, record: JobRecord, timeout_s: float, left_s: float) -> None:
        self.record = record
        self.timeout_s = timeout_s
        self.left_s = left_s
        self.set_at = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        if self.timer is not None:
            self.left_s -= asyncio.get_running_loop().time() - self.set_at
            self.timer.cancel()
            self.timer = None


class Timeouts:
    """One timer for each attempt that has a limit. `expired` is told the job and the limit in seconds.

    What counts is the time that the machine is awake and the attempt is not paused: nobody's clock changes it, and a
    lid that is closed overnight ends no job in the morning.
    """

    def __init__(self, expired: Callable[[JobRecord, float], None]) -> None:
        self._expired = expired
        self._limits: dict[AttemptRef, _Limit] = {}

    def arm(self, record: JobRecord, attempt: AttemptRecord, timeout_s: float | None, ran_s: float) -> None:
        """Begin to count, unless the attempt has no limit or is being ended already.

        ran_s: how long it has been running, pauses included.
        """
        ref, pauses = AttemptRef(record.id, attempt.number), attempt.pauses
        if timeout_s is None or ref in self._limits or attempt.stop_outcome is not None:
            return
        paused_s = 0.0 if pauses is None else pauses.total_at_s(time.monotonic())
        self._limits[ref] = _Limit(record, timeout_s, timeout_s - ran_s + paused_s)
        if pauses is None or pauses.since_s is None:
            self.go_on(ref)

    def hold(self, ref: AttemptRef) -> None:
        """The attempt is paused: its time stands still."""
        if ref in self._limits:
            self._limits[ref].stop()

    def go_on(self, ref: AttemptRef) -> None:
        """Its time runs, or runs on."""
        limit = self._limits.get(ref)
        if limit is not None and limit.timer is None:
            loop = asyncio.get_running_loop()
            limit.set_at = loop.time()
            limit.timer = loop.call_later(max(0.0, limit.left_s), self._expired, limit.record, limit.timeout_s)

    def disarm(self, ref: AttemptRef) -> None:
        """The attempt is over."""
        limit = self._limits.pop(ref, None)
        if limit is not None:
            limit.stop()

    def close(self) -> None:
        """Count no more."""
        for ref in list(self._limits):
            self.disarm(ref)
