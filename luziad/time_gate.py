"""The gate of time: holds jobs until the moment before which they may not start."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from luziad.core.record import JobRecord
from luziad.wall_timer import WallTimer

_WORTH_A_CLEAN_UP = 1000


class TimeGate:
    """Holds jobs by the wall clock, with one timer for the earliest of all. `admit` is that of Gates."""

    def __init__(self, admit: Callable[..., None]) -> None:
        self._admit = admit
        self._kept: dict[str, tuple[float, JobRecord]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._timer = WallTimer(self._due)

    def closed(self, record: JobRecord) -> bool:
        """Whether the job's moment is still to come."""
        moment = record.not_before
        return moment is not None and moment > time.time()

    def why(self, record: JobRecord) -> str:
        """`starts at 23:30, in 7m30s`."""
        moment = record.not_before
        assert moment is not None
        return f"starts at {clock(moment)}, in {span(moment - time.time())}"

    def keep(self, record: JobRecord) -> None:
        """Hold the job until its moment."""
        moment = record.not_before
        assert moment is not None
        self._kept[record.id] = moment, record
        heappush(self._heap, (moment, record.n, record.id))
        if self._heap[0][2] == record.id:
            self._timer.set(moment)

    def drop(self, record: JobRecord) -> None:
        """Hold the job no more."""
        del self._kept[record.id]
        if len(self._heap) > 2 * len(self._kept) + _WORTH_A_CLEAN_UP:
            self._heap = [(moment, each.n, each.id) for moment, each in self._kept.values()]
            heapify(self._heap)

    def close(self) -> None:
        """Wake no more."""
        self._timer.close()

    def _due(self) -> None:
        now, due = time.time(), []
        while self._heap and (self._heap[0][0] <= now or not self._is_kept(*self._heap[0])):
            moment, n, job = heappop(self._heap)
            if self._is_kept(moment, n, job):
                due.append(self._kept.pop(job)[1])
        self._timer.set(self._heap[0][0] if self._heap else None)
        if due:
            self._admit(*due)

    def _is_kept(self, moment: float, n: int, job: str) -> bool:
        """Whether an entry of the heap still stands for a job that is held."""
        kept = self._kept.get(job)
        return kept is not None and kept[0] == moment


def clock(moment: float) -> str:
    """The moment on the wall clock here: `23:30`, and with its date when it is not within a day."""
    local = time.localtime(moment)
    near = 0 <= moment - time.time() < 86400
    seconds = ":%S" if local.tm_sec else ""
    return time.strftime(f"%H:%M{seconds}" if near else f"%Y-%m-%d %H:%M{seconds}", local)


def span(seconds: float) -> str:
    """Seconds to come, in words: `8 s`, `7m30s`, `2h05m`, `3d04h`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
