"""A queue of items by the times at which they are due, with one timer for each clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

from luziad.clocks.clock import ClockTime
from luziad.clocks.timer import ClockTimer

_MAX_STALE_ENTRIES = 1000
MAX_AT_ONCE = 500
"""Items that are due in one turn of the event loop; the timer fires again at once for the others."""


class Item(Protocol):
    """What a queue can hold: `n` orders those that are due at the same time."""

    @property
    def n(self) -> int: ...
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Item)


class TimerQueue(Generic[T]):
    """Holds each item at most once. `due` is called with at most `at_once` items that are due, the earliest first."""

    def __init__(self, due: Callable[[list[T]], None], at_once: int = MAX_AT_ONCE) -> None:
        clocks = (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME)
        self._queues = {clock: _ClockQueue[T](due, clock, at_once) for clock in clocks}

    def put(self, item: T, at: ClockTime) -> None:
        """Make an item due at this time only."""
        for clock, queue in self._queues.items():
            if clock == at.clock:
                queue.put(item, at.time_s)
            else:
                queue.drop(item)

    def drop(self, item: T) -> None:
        """Remove an item, if it is in the queue."""
        for queue in self._queues.values():
            queue.drop(item)

    def close(self) -> None:
        """Close the timers."""
        for queue in self._queues.values():
            queue.close()


class _ClockQueue(Generic[T]):
    """The items that are due at times of one clock."""

    def __init__(self, due: Callable[[list[T]], None], clock: int, at_once: int) -> None:
        self._due = due
        self._at_once = at_once
        self._clock = clock
        self._times: dict[str, tuple[float, T]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._timer = ClockTimer(self._fired, clock)

    def put(self, item: T, time_s: float) -> None:
        if self._times.get(item.id, (None,))[0] == time_s:
            return
        self._times[item.id] = time_s, item
        heappush(self._heap, (time_s, item.n, item.id))
        if self._heap[0][2] == item.id:
            self._timer.set(time_s)

    def drop(self, item: T) -> None:
        if self._times.pop(item.id, None) is None:
            return
        if len(self._heap) > 2 * len(self._times) + _MAX_STALE_ENTRIES:
            self._heap = [(time_s, each.n, each.id) for time_s, each in self._times.values()]
            heapify(self._heap)

    def close(self) -> None:
        self._timer.close()

    def _fired(self) -> None:
        now = time.clock_gettime(self._clock)
        due: list[T] = []
        while (
            self._heap
            and len(due) < self._at_once
            and (self._heap[0][0] <= now or not self._is_current(*self._heap[0]))
        ):
            time_s, n, key = heappop(self._heap)
            if self._is_current(time_s, n, key):
                due.append(self._times.pop(key)[1])
        self._timer.set(self._heap[0][0] if self._heap else None)
        if due:
            self._due(due)

    def _is_current(self, time_s: float, n: int, key: str) -> bool:
        """Whether an entry of the heap has the item's current time."""
        return self._times.get(key, (None,))[0] == time_s
