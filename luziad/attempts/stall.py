"""Finds attempts that have stalled: no output, no use of the processor, and no word of their own for too long.

Nothing wakes anybody while this is switched off. Where it is on, a timer looks at an attempt ten times in the span
that it may be silent, and at its processes only when the output has not grown since the last look.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from luzia_protocol.jobs import JobState

from luziad.attempts.cpu_usage import BUSY, cpu_s
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import AttemptRecord, JobRecord

log = logging.getLogger("luziad.stall")

T = TypeVar("T")

LOOKS = 10
"""So often in the span of silence."""


class Signs:
    """The signs of life of one attempt. Pure; times are seconds of a clock that does not jump."""

    def __init__(self, timeout_s: float, now: float) -> None:
        self._timeout_s = timeout_s
        self._alive_at = now
        self._looked_at = now
        self._cpu_s: float | None = None

    def heard(self, at: float) -> bool:
        """It wrote something, or said how far it is; True when that was since the last look."""
        self._alive_at = max(self._alive_at, at)
        return at > self._looked_at

    def look(self, now: float, cpu_s: float | None) -> bool:
        """Take in a look at it; True when it has stalled. cpu_s: what it has used in all, None when it was heard."""
        if cpu_s is not None and self._is_busy(now, cpu_s):
            self._alive_at = now
        self._cpu_s, self._looked_at = cpu_s, now
        return now - self._alive_at >= self._timeout_s

    def _is_busy(self, now: float, cpu_s: float) -> bool:
        """Whether it has worked since the last look; at the first one nobody knows, and it gets the benefit."""
        if self._cpu_s is None or cpu_s < self._cpu_s:
            return True
        return cpu_s - self._cpu_s > BUSY * (now - self._looked_at)


class StallWatch:
    """Watches the attempts that may not be silent for ever.

    timeout_s: how long a job may be silent, None for ever. streams: the files that an attempt writes to.
    files: the thread on which files and processes are looked at. stalled: is told the job, and how long it may be
    silent. excused: whether a running job waits for others, and may be silent meanwhile.
    """

    def __init__(
        self,
        timeout_s: Callable[[JobRecord], float | None],
        streams: Callable[[AttemptRef], list[str]],
        files: ThreadPoolExecutor,
    ) -> None:
        self._timeout_s = timeout_s
        self._streams = streams
        self._files = files
        self._watched: dict[AttemptRef, asyncio.Task[None]] = {}
        self._signs: dict[AttemptRef, Signs] = {}
        self.stalled: Callable[[JobRecord, float], None]
        self.excused: Callable[[JobRecord], bool] = lambda record: False

    def arm(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The attempt runs: watch it, when it may not be silent for ever."""
        ref = AttemptRef(record.id, attempt.number)
        timeout_s = self._timeout_s(record)
        if timeout_s is None or attempt.pid is None or ref in self._watched:
            return
        self._signs[ref] = Signs(timeout_s, time.monotonic())
        watching = self._watch(ref, record, attempt.pid, timeout_s)
        self._watched[ref] = asyncio.get_running_loop().create_task(watching)

    def heard(self, ref: AttemptRef) -> None:
        """The attempt has said how far it is."""
        if ref in self._signs:
            self._signs[ref].heard(time.monotonic())

    def disarm(self, ref: AttemptRef) -> None:
        """The attempt is over."""
        if ref in self._watched:
            self._watched.pop(ref).cancel()
            del self._signs[ref]

    def close(self) -> None:
        """Watch nothing any more."""
        for ref in list(self._watched):
            self.disarm(ref)

    async def _watch(self, ref: AttemptRef, record: JobRecord, pid: int, timeout_s: float) -> None:
        signs, streams = self._signs[ref], self._streams(ref)
        while True:
            await asyncio.sleep(timeout_s / LOOKS)
            try:
                heard = signs.heard(time.monotonic() - await self._in_thread(_silent_s, streams))
                used_s = None if heard else await self._in_thread(cpu_s, pid)
            except OSError as exc:
                log.warning("signs_not_seen job=%s attempt=%d error=%s", *ref, exc)
                continue
            if record.status.state is not JobState.RUNNING or self.excused(record):
                signs.heard(time.monotonic())  # it waits for somebody, or is being ended already
            elif signs.look(time.monotonic(), used_s):
                self.stalled(record, timeout_s)
                return

    async def _in_thread(self, function: Callable[[T], float], argument: T) -> float:
        return await asyncio.get_running_loop().run_in_executor(self._files, function, argument)


def _silent_s(streams: Iterable[str]) -> float:
    """Seconds since one of the files was written to last; a clock that was set back makes it 0."""
    written_at = 0.0
    for path in streams:
        try:
            written_at = max(written_at, os.stat(path).st_mtime)
        except FileNotFoundError:
            continue
    return max(0.0, time.time() - written_at)
