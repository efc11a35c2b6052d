"""Stops attempts that exceed their timeout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from luzia_protocol.jobs import Outcome

from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord


class _Timeout(msgspec.Struct, eq=False):
    """The timeout of one attempt.

    left_s: what was left when the timer was set last, at set_at of the loop's clock. timer: None while paused.
    """

    record: JobRecord
    timeout_s: float
    left_s: float
    set_at: float = 0.0
    timer: asyncio.TimerHandle | None = None

    def start(self, expired: Callable[[JobRecord, float], None]) -> None:
        if self.timer is None:
            loop = asyncio.get_running_loop()
            self.set_at = loop.time()
            self.timer = loop.call_later(max(0.0, self.left_s), expired, self.record, self.timeout_s)

    def stop(self) -> None:
        if self.timer is not None:
            self.left_s -= asyncio.get_running_loop().time() - self.set_at
            self.timer.cancel()
            self.timer = None


class Timeouts(JobObserver):
    """One timer for each attempt with a timeout.

    Only the time counts in which the machine is awake and the attempt is not paused: setting the clock changes
    nothing, and a laptop that was closed overnight ends no job in the morning.

    timeout_s: how long an attempt of a job may run, None without limit. stop: ends an attempt with a verdict.
    """

    def __init__(
        self, timeout_s: Callable[[JobRecord], float | None], stop: Callable[[JobRecord, Verdict], None]
    ) -> None:
        self._timeout_s = timeout_s
        self._stop = stop
        self._timeouts: dict[AttemptRef, _Timeout] = {}

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """Start the timer, unless the attempt has no timeout or is being stopped.

        ran_s: how long it has been running, pauses included.
        """
        timeout_s = self._timeout_s(record)
        ref, pauses = AttemptRef(record.id, attempt.number), attempt.pauses
        if timeout_s is None or ref in self._timeouts or attempt.stop_outcome is not None:
            return
        paused_s = 0.0 if pauses is None else pauses.total_at_s(time.monotonic())
        self._timeouts[ref] = _Timeout(record, timeout_s, timeout_s - ran_s + paused_s)
        if pauses is None or pauses.since_s is None:
            self.resume(ref)

    def attempt_exited(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Cancel the timer."""
        self._cancel(AttemptRef(record.id, attempt.number))

    def hold(self, ref: AttemptRef) -> None:
        """Stop the timer while the attempt is paused."""
        if ref in self._timeouts:
            self._timeouts[ref].stop()

    def resume(self, ref: AttemptRef) -> None:
        """Start the timer again."""
        timeout = self._timeouts.get(ref)
        if timeout is not None:
            timeout.start(self._expired)

    def close(self) -> None:
        """Cancel all timers."""
        for ref in list(self._timeouts):
            self._cancel(ref)

    def _cancel(self, ref: AttemptRef) -> None:
        timeout = self._timeouts.pop(ref, None)
        if timeout is not None:
            timeout.stop()

    def _expired(self, record: JobRecord, timeout_s: float) -> None:
        self._stop(record, timeout_verdict(timeout_s))


def timeout_verdict(timeout_s: float) -> Verdict:
    """The verdict on an attempt that has exceeded its timeout."""
    return Verdict(Outcome.TIMED_OUT, f"ran longer than its timeout of {timeout_s:g} s")
