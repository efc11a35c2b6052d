"""Waiting jobs, sorted into lines: the jobs of a line are alike, so that either all of them fit or none does.

A line holds the jobs of one project that take the same of every lane. What they take is the line's shape, which
lines of other projects share. So whether a shape fits is decided once for all its lines, and the jobs in a line
are never looked at, but for the first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from operator import attrgetter

import msgspec

from luziad.scheduling.ready.lanes import Lane, Needs
from luziad.scheduling.ready.ranking import Ranking

Origin = tuple[int, float, float, int]
"""A place in the order: priority (negative), share of the project, its turn, age. Less goes first."""


class Entry(msgspec.Struct, gc=False, eq=False):
    """A job that waits, or that runs. `order` counts arrivals, and is the job's age."""

    order: int
    job: str
    priority: int
    line: Line


_order = attrgetter("order")


class Bucket:
    """The jobs of one line and one priority, oldest first. `begin` is where the first of them stands."""

    __slots__ = ("begin", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.begin = 0

    def __len__(self) -> int:
        return len(self.entries) - self.begin

    @property
    def first(self) -> Entry:
        return self.entries[self.begin]

    def add(self, entry: Entry) -> None:
        """Put a job where its age belongs; a new one goes to the end."""
        entries = self.entries
        if not entries or entries[-1].order < entry.order:
            entries.append(entry)
        else:
            insort(entries, entry, lo=self.begin, key=_order)

    def remove(self, entry: Entry) -> None:
        """Take a job out. The first one costs nothing; what is left behind is dropped in bulk."""
        if self.entries[self.begin] is not entry:
            del self.entries[self.before(entry.order) + self.begin]
            return
        self.begin += 1
        if self.begin >= 32 and self.begin * 2 > len(self.entries):
            del self.entries[: self.begin]
            self.begin = 0

    def before(self, order: int) -> int:
        """How many jobs are older."""
        return bisect_left(self.entries, order, lo=self.begin, key=_order) - self.begin


class Line:
    """The waiting jobs of one project and one shape. `best` is the highest priority among them."""

    __slots__ = ("best", "buckets", "project", "shape")

    def __init__(self, project: Project, shape: Shape) -> None:
        self.project = project
        self.shape = shape
        self.buckets: dict[int, Bucket] = {}
        self.best = 0

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
        """The job that goes first; there must be one."""
        return self.buckets[self.best].first


class Project:
    """A project that has jobs waiting or running, or whose turn is yet to come.

    turn: grows with every start by 1 / weight; of projects with equal shares the one with the least turn goes first.
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
        """How much of the machine the project has, by its weight."""
        return self.lane.used / self.weight


class Shape:
    """What the jobs of a line take besides a slot of all projects and one of their own.

    takes: lanes and amounts. ranking: the lines whose project has a slot free. parked: the lane that it waits for.
    """

    __slots__ = ("agent", "lines", "needs", "parked", "ranking", "takes")

    def __init__(self, agent: str, needs: Needs, takes: tuple[tuple[Lane, int], ...]) -> None:
        self.agent = agent
        self.needs = needs
        self.takes = takes
        self.lines = 0
        self.ranking: Ranking[Line, Origin] = Ranking()
        self.parked: Lane | None = None

    def blocked(self) -> Lane | None:
        """The first lane that has not enough left."""
        for lane, amount in self.takes:
            if lane.capacity - lane.used - lane.reserved < amount:
                return lane
        return None

    def amount(self, lane: Lane) -> int:
        """How much of a lane a job of this shape takes."""
        return next(amount for each, amount in self.takes if each is lane)
