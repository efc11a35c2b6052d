"""Items by the times at which they are due, with one timer for the earliest of each clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

from luziad.clocks.clock import ClockTime
from luziad.clocks.timer import ClockTimer

_WORTH_A_CLEAN_UP = 1000


class Item(Protocol):
    """What a queue can hold: `n` orders those that are due at the same time."""

    @property
    def n(self) -> int: ...
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Item)


class TimerQueue(Generic[T]):
    """Each item is in it once at most. `due` is called with the items whose time has come, the earliest first."""

    def __init__(self, due: Callable[[list[T]], None]) -> None:
        self._parts = {clock: _Part[T](due, clock) for clock in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME)}

    def put(self, item: T, at: ClockTime) -> None:
        """Make an item due at this time, and at no other."""
        for clock, part in self._parts.items():
            if clock == at.clock:
                part.put(item, at.moment)
            else:
                part.drop(item)

    def drop(self, item: T) -> None:
        """Take an item out, if it is in."""
        for part in self._parts.values():
            part.drop(item)

    def close(self) -> None:
        """Wake no more."""
        for part in self._parts.values():
            part.close()


class _Part(Generic[T]):
    """The items that are due at times of one clock."""

    def __init__(self, due: Callable[[list[T]], None], clock: int) -> None:
        self._due = due
        self._clock = clock
        self._moments: dict[str, tuple[float, T]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._timer = ClockTimer(self._fired, clock)

    def put(self, item: T, moment: float) -> None:
        if self._moments.get(item.id, (None,))[0] == moment:
            return
        self._moments[item.id] = moment, item
        heappush(self._heap, (moment, item.n, item.id))
        if self._heap[0][2] == item.id:
            self._timer.set(moment)

    def drop(self, item: T) -> None:
        if self._moments.pop(item.id, None) is None:
            return
        if len(self._heap) > 2 * len(self._moments) + _WORTH_A_CLEAN_UP:
            self._heap = [(moment, each.n, each.id) for moment, each in self._moments.values()]
            heapify(self._heap)

    def close(self) -> None:
        self._timer.close()

    def _fired(self) -> None:
        now, due = time.clock_gettime(self._clock), []
        while self._heap and (self._heap[0][0] <= now or not self._stands(*self._heap[0])):
            moment, n, key = heappop(self._heap)
            if self._stands(moment, n, key):
                due.append(self._moments.pop(key)[1])
        self._timer.set(self._heap[0][0] if self._heap else None)
        if due:
            self._due(due)

    def _stands(self, moment: float, n: int, key: str) -> bool:
        """Whether an entry of the heap is still the item's time."""
        return self._moments.get(key, (None,))[0] == moment
