"""Stops attempts that have stalled: no output, no use of the processor and no reported progress for too long.

Without a stall timeout no timer runs. With one, a timer checks an attempt ten times in that time, and its processes
only when its output has not grown since the last check.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from luzia_protocol.jobs import JobState, Outcome

from luziad.attempts.cpu_usage import BUSY, cpu_s
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord

log = logging.getLogger("luziad.stall")

T = TypeVar("T")

CHECKS = 10
"""The number of checks in a stall timeout."""


class ActivityMeter:
    """When one attempt was active last. Does no I/O; times are seconds of a monotonic clock."""

    def __init__(self, timeout_s: float, now: float) -> None:
        self._timeout_s = timeout_s
        self._active_at = now
        self._checked_at = now
        self._cpu_s: float | None = None

    def note(self, at: float) -> bool:
        """It wrote output or reported progress then; True when that was after the last check."""
        self._active_at = max(self._active_at, at)
        return at > self._checked_at

    def check(self, now: float, cpu_s: float | None) -> bool:
        """Whether it has stalled. cpu_s: its total processor time, None when it was active otherwise."""
        if cpu_s is not None and self._is_busy(now, cpu_s):
            self._active_at = now
        self._cpu_s, self._checked_at = cpu_s, now
        return now - self._active_at >= self._timeout_s

    def _is_busy(self, now: float, cpu_s: float) -> bool:
        """Whether it was busy since the last check; at the first check it counts as busy."""
        if self._cpu_s is None or cpu_s < self._cpu_s:
            return True
        return cpu_s - self._cpu_s > BUSY * (now - self._checked_at)


@dataclass(kw_only=True, eq=False)
class StallWatch(JobObserver):
    """Watches the attempts that have a stall timeout.

    timeout_s: that of a job, None for none. streams: the files that an attempt writes to. files: the thread on which
    files and processes are examined. stop: ends an attempt with a verdict. is_excused: whether a running job waits for
    others, and may be silent meanwhile.
    """

    timeout_s: Callable[[JobRecord], float | None]
    streams: Callable[[AttemptRef], list[str]]
    files: ThreadPoolExecutor
    stop: Callable[[JobRecord, Verdict], None]
    is_excused: Callable[[JobRecord], bool]
    _tasks: dict[AttemptRef, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _meters: dict[AttemptRef, ActivityMeter] = field(default_factory=dict, init=False)

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """Watch the attempt, if it has a stall timeout."""
        ref = AttemptRef(record.id, attempt.number)
        timeout_s = self.timeout_s(record)
        if timeout_s is None or attempt.pid is None or ref in self._tasks:
            return
        self._meters[ref] = ActivityMeter(timeout_s, time.monotonic())
        watching = self._watch(ref, record, attempt.pid, timeout_s)
        self._tasks[ref] = asyncio.get_running_loop().create_task(watching)

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Watch the attempt again."""
        if attempt.started_at is not None:
            self.attempt_started(record, attempt, 0.0)

    def progress_reported(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Note that the attempt is active."""
        meter = self._meters.get(AttemptRef(record.id, attempt.number))
        if meter is not None:
            meter.note(time.monotonic())

    def attempt_exited(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Stop watching the attempt."""
        self._cancel(AttemptRef(record.id, attempt.number))

    def close(self) -> None:
        """Stop watching."""
        for ref in list(self._tasks):
            self._cancel(ref)

    def _cancel(self, ref: AttemptRef) -> None:
        if ref in self._tasks:
            self._tasks.pop(ref).cancel()
            del self._meters[ref]

    async def _watch(self, ref: AttemptRef, record: JobRecord, pid: int, timeout_s: float) -> None:
        meter, streams = self._meters[ref], self.streams(ref)
        while True:
            await asyncio.sleep(timeout_s / CHECKS)
            try:
                has_grown = meter.note(time.monotonic() - await self._in_thread(_silent_s, streams))
                used_s = None if has_grown else await self._in_thread(cpu_s, pid)
            except OSError as exc:
                log.warning("activity_not_read job=%s attempt=%d error=%s", *ref, exc)
                continue
            if record.status.state is not JobState.RUNNING or self.is_excused(record):
                meter.note(time.monotonic())  # it waits for an answer or another job, or is being stopped
            elif meter.check(time.monotonic(), used_s):
                self.stop(record, Verdict(Outcome.STALLED, f"no activity for {timeout_s:g} s"))
                return

    async def _in_thread(self, function: Callable[[T], float], argument: T) -> float:
        return await asyncio.get_running_loop().run_in_executor(self.files, function, argument)


def _silent_s(streams: Iterable[str]) -> float:
    """Seconds since the last write to one of the files; 0 after the clock was set back."""
    written_at = 0.0
    for path in streams:
        try:
            written_at = max(written_at, os.stat(path).st_mtime)
        except FileNotFoundError:
            continue
    return max(0.0, time.time() - written_at)
