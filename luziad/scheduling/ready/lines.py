"""The data of the ready queue: entries in buckets, buckets in lines, lines of projects and shapes, and lanes. Pure.

A line holds the jobs of one project that take the same amount of every lane. These amounts are the line's shape,
which lines of other projects share. Whether a shape fits is decided once for all its lines, and of the jobs in a
line only the first is examined.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from operator import attrgetter

import msgspec

from luziad.jobs.requirements import Needs
from luziad.scheduling.ready.keyed_heap import KeyedHeap
from luziad.scheduling.ready.limits import UNLIMITED

Rank = tuple[int, float, float, int]
"""A rank in the order: priority (negative), share of the project, its turn, age. The lowest starts first."""


class Entry(msgspec.Struct, gc=False, eq=False):
    """A waiting or running job. `order` counts arrivals and is the job's age."""

    order: int
    job: str
    priority: int
    line: Line


_order = attrgetter("order")


class Bucket(msgspec.Struct, eq=False):
    """The jobs of one line and one priority, oldest first. `start` is the index of the first."""

    entries: list[Entry] = []
    start: int = 0

    def __len__(self) -> int:
        return len(self.entries) - self.start

    @property
    def first(self) -> Entry:
        return self.entries[self.start]

    def add(self, entry: Entry) -> None:
        """Insert a job by its age; a new one goes to the end."""
        entries = self.entries
        if not entries or entries[-1].order < entry.order:
            entries.append(entry)
        else:
            insort(entries, entry, lo=self.start, key=_order)

    def remove(self, entry: Entry) -> None:
        """Remove a job. Removing the first costs nothing; the removed entries are deleted in bulk."""
        if self.entries[self.start] is not entry:
            del self.entries[self.before(entry.order) + self.start]
            return
        self.start += 1
        if self.start >= 32 and self.start * 2 > len(self.entries):
            del self.entries[: self.start]
            self.start = 0

    def before(self, order: int) -> int:
        """The number of older jobs."""
        return bisect_left(self.entries, order, lo=self.start, key=_order) - self.start


class Line(msgspec.Struct, eq=False):
    """The waiting jobs of one project and one shape. `best` is the highest priority among them."""

    project: Project
    shape: Shape
    buckets: dict[int, Bucket] = {}
    best: int = 0

    def add(self, entry: Entry) -> None:
        bucket = self.buckets.get(entry.priority)
        if bucket is None:
            self.best = entry.priority if not self.buckets else max(self.best, entry.priority)
            bucket = self.buckets[entry.priority] = Bucket()
        bucket.add(entry)

    def remove(self, entry: Entry) -> None:
        bucket = self.buckets[entry.priority]
        bucket.remove(entry)
        if not bucket:
            del self.buckets[entry.priority]
            self.best = max(self.buckets, default=0)

    @property
    def first(self) -> Entry:
        """The job that starts first; the line must not be empty."""
        return self.buckets[self.best].first


class Project:
    """A project that has waiting or running jobs, or whose turn is still to come.

    turn: grows by 1 / weight with every start; of projects with equal shares the one with the lowest turn is first.
    """

    __slots__ = ("lane", "lines", "name", "turn", "weight")

    def __init__(self, name: str, limit: int, weight: float, turn: float) -> None:
        self.name = name
        self.lane = Lane(name, limit)
        self.weight = weight
        self.turn = turn
        self.lines: dict[Shape, Line] = {}

    @property
    def share(self) -> float:
        """The project's running jobs, by its weight."""
        return self.lane.used / self.weight


class Shape(msgspec.Struct, eq=False):
    """The amounts that the jobs of a line take, besides a slot of all projects and one of their project.

    takes: lanes and amounts. ranking: the lines whose project has a free slot. parked: the lane that it waits for.
    """

    agent: str
    needs: Needs
    takes: tuple[tuple[Lane, int], ...]
    lines: int = 0
    ranking: KeyedHeap[Line, Rank] = msgspec.field(default_factory=KeyedHeap)
    parked: Lane | None = None

    def blocked(self) -> Lane | None:
        """The first lane that does not have enough free."""
        for lane, amount in self.takes:
            if lane.capacity - lane.used - lane.reserved < amount:
                return lane
        return None

    def amount(self, lane: Lane) -> int:
        """The amount that a job of this shape takes of a lane."""
        return next(amount for each, amount in self.takes if each is lane)


class Lane(msgspec.Struct, eq=False):
    """A capacity that running jobs take of: the slots of a project or of an agent, or a resource.

    reserved: the part that is kept free for the job with the reservation and for jobs that reclaim their slots.
    last_start: by priority, the number of the latest start that took of the lane. parked: the shapes that wait for
    the lane, those that need the least first. kept: the part that is held by jobs that have lent their slots.
    """

    name: str
    capacity: int
    used: int = 0
    reserved: int = 0
    kept: int = 0
    last_start: dict[int, int] = {}
    parked: KeyedHeap[Shape, tuple[int, int]] = msgspec.field(default_factory=KeyedHeap)

    @property
    def free(self) -> int:
        """The amount that a job may take; negative after a reduction, or when too much is reserved."""
        return self.capacity - self.used - self.reserved

    @property
    def is_limited(self) -> bool:
        """Whether the lane has a limit at all."""
        return self.capacity < UNLIMITED
