"""The queue of jobs that may start: first in, first out, as far as the limits allow. Pure data, O(log projects).

Each project is a lane with a queue and a limit of its own. A heap holds the lanes that could start their head
now, ordered by how long that head has waited, so that a project at its limit never blocks another one.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush


class _Lane:
    """One project's waiting jobs, oldest first, and how many of its slots are taken."""

    __slots__ = ("entry", "jobs", "limit", "orders", "running")

    def __init__(self, limit: int | None) -> None:
        self.jobs: deque[str] = deque()
        self.orders: deque[int] = deque()
        self.running = 0
        self.limit = limit
        self.entry: int | None = None  # the order under which the heap has this lane; others are stale

    @property
    def full(self) -> bool:
        return self.limit is not None and self.running >= self.limit


class ReadyQueue:
    """Which queued job starts next. A job is in it from `push` to `pop` or `discard`.

    slots: attempts that may run at once. limits: the same for single projects, by name.
    """

    def __init__(self, slots: int, limits: dict[str, int]) -> None:
        self._slots = slots
        self._limits = limits
        self._running = 0
        self._lanes: dict[str, _Lane] = {}
        self._eligible: list[tuple[int, str]] = []
        self._discarded: set[str] = set()
        self._order = 0
        self._front = 0

    @property
    def running(self) -> int:
        """Slots that are taken."""
        return self._running

    @property
    def slots(self) -> int:
        """Slots that there are."""
        return self._slots

    def push(self, job: str, project: str) -> None:
        """Append a job. A job that was discarded just before may be pushed again."""
        if job in self._discarded:
            self._purge(job, project)
        lane = self._lane(project)
        self._order += 1
        lane.jobs.append(job)
        lane.orders.append(self._order)
        self._list(project, lane)

    def push_front(self, job: str, project: str) -> None:
        """Put a job back before all others: its start was undone."""
        if job in self._discarded:
            self._purge(job, project)
        lane = self._lane(project)
        self._front -= 1
        lane.jobs.appendleft(job)
        lane.orders.appendleft(self._front)
        self._list(project, lane)

    def discard(self, job: str) -> None:
        """Take a waiting job out, wherever it stands."""
        self._discarded.add(job)

    def pop(self) -> tuple[str, str] | None:
        """Take the job that starts now, with its project, and a slot for it; None when none can start."""
        while self._running < self._slots and self._eligible:
            order, project = heappop(self._eligible)
            lane = self._lanes.get(project)
            if lane is None or lane.entry != order:
                continue
            lane.entry = None
            self._drop_discarded_head(lane)
            if lane.full or not lane.orders or lane.orders[0] != order:
                self._list(project, lane)
                continue
            lane.orders.popleft()
            job = lane.jobs.popleft()
            lane.running += 1
            self._running += 1
            self._list(project, lane)
            return job, project
        return None

    def occupy(self, project: str) -> None:
        """Take a slot for an attempt that runs already; limits may be exceeded by it."""
        self._lane(project).running += 1
        self._running += 1

    def release(self, project: str) -> None:
        """Give back the slot of an attempt that is over."""
        lane = self._lanes[project]
        lane.running -= 1
        self._running -= 1
        self._list(project, lane)
        if not lane.jobs and not lane.running:
            del self._lanes[project]

    def set_limits(self, slots: int, limits: dict[str, int]) -> None:
        """Change the limits; what runs goes on."""
        self._slots = slots
        self._limits = limits
        for project, lane in self._lanes.items():
            lane.limit = limits.get(project)
            self._list(project, lane)

    def why(self, project: str) -> str:
        """Why a waiting job of the project does not start, in words."""
        lane = self._lanes.get(project)
        if lane is not None and lane.full:
            return f"limit {lane.running}/{lane.limit} of project {project}"
        if self._running >= self._slots:
            return f"limit {self._running}/{self._slots} of all projects"
        return "about to start"

    def _lane(self, project: str) -> _Lane:
        lane = self._lanes.get(project)
        if lane is None:
            lane = self._lanes[project] = _Lane(self._limits.get(project))
        return lane

    def _list(self, project: str, lane: _Lane) -> None:
        """Enter the lane's head into the heap when it could start."""
        if lane.full:
            return
        self._drop_discarded_head(lane)
        if lane.orders and lane.entry != lane.orders[0]:
            lane.entry = lane.orders[0]
            heappush(self._eligible, (lane.entry, project))

    def _drop_discarded_head(self, lane: _Lane) -> None:
        while lane.jobs and lane.jobs[0] in self._discarded:
            self._discarded.discard(lane.jobs.popleft())
            lane.orders.popleft()

    def _purge(self, job: str, project: str) -> None:
        """Take a discarded job out for good, before it comes in again."""
        lane = self._lane(project)
        where = lane.jobs.index(job)
        del lane.jobs[where]
        del lane.orders[where]
        self._discarded.discard(job)
        self._list(project, lane)
