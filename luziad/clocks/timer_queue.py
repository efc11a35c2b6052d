"""Jobs by the moments at which something is to happen to them, with one timer for the earliest of each clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from luziad.clocks.clock import At
from luziad.clocks.timer import ClockTimer
from luziad.jobs.record import JobRecord

_WORTH_A_CLEAN_UP = 1000


class Agenda:
    """Each job is in it once at most. `due` is given the jobs whose moment has come, the earliest first."""

    def __init__(self, due: Callable[[list[JobRecord]], None]) -> None:
        self._parts = {clock: _Part(due, clock) for clock in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME)}

    def put(self, record: JobRecord, at: At) -> None:
        """Wait for this moment, and for no other one of the job's."""
        for clock, part in self._parts.items():
            if clock == at.clock:
                part.put(record, at.moment)
            else:
                part.drop(record)

    def drop(self, record: JobRecord) -> None:
        """Wait for nothing of the job's any more."""
        for part in self._parts.values():
            part.drop(record)

    def close(self) -> None:
        """Wake no more."""
        for part in self._parts.values():
            part.close()


class _Part:
    """The jobs that wait for moments of one clock."""

    def __init__(self, due: Callable[[list[JobRecord]], None], clock: int) -> None:
        self._due = due
        self._clock = clock
        self._moments: dict[str, tuple[float, JobRecord]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._timer = ClockTimer(self._fired, clock)

    def put(self, record: JobRecord, moment: float) -> None:
        if self._moments.get(record.id, (None,))[0] == moment:
            return
        self._moments[record.id] = moment, record
        heappush(self._heap, (moment, record.n, record.id))
        if self._heap[0][2] == record.id:
            self._timer.set(moment)

    def drop(self, record: JobRecord) -> None:
        if self._moments.pop(record.id, None) is None:
            return
        if len(self._heap) > 2 * len(self._moments) + _WORTH_A_CLEAN_UP:
            self._heap = [(moment, each.n, each.id) for moment, each in self._moments.values()]
            heapify(self._heap)

    def close(self) -> None:
        self._timer.close()

    def _fired(self) -> None:
        now, due = time.clock_gettime(self._clock), []
        while self._heap and (self._heap[0][0] <= now or not self._stands(*self._heap[0])):
            moment, n, job = heappop(self._heap)
            if self._stands(moment, n, job):
                due.append(self._moments.pop(job)[1])
        self._timer.set(self._heap[0][0] if self._heap else None)
        if due:
            self._due(due)

    def _stands(self, moment: float, n: int, job: str) -> bool:
        """Whether an entry of the heap is still the job's moment."""
        return self._moments.get(job, (None,))[0] == moment
