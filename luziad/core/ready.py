"""The ready queue: which queued job starts next. Pure data; a decision costs O(log n) of the jobs that wait.

The order is priority, then the share of the project (the one with the least running, by its weight), then the
project's turn, then age. Limits are lanes: a slot of all projects, one of the job's project and of its agent, and
named resources. Waiting jobs stand in lines (see lines.py), lines in the ranking of their shape, and shapes in one
ranking. A shape that comes first and does not fit is parked at the lane that lacks room, until the lane has some:
so a job that does not fit never blocks one that does, and is not looked at again and again either.
"""

from __future__ import annotations

from heapq import heappop, heappush

from luziad.core.lanes import UNLIMITED, Lane, Limits, Needs, Wants
from luziad.core.lines import Entry, Line, Place, Project, Shape
from luziad.core.ranking import Ranking
from luziad.core.starving import Starving, takes


class ReadyQueue:
    """A job is in it from `push` to `pop` or `discard`, and holds what it takes from `pop` to `release`."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting: dict[str, Entry] = {}
        self.held: dict[str, Entry] = {}
        self.projects: dict[str, Project] = {}
        self.all = Lane("all projects", limits.slots)
        self.reserved: Entry | None = None
        self._agents: dict[str, Lane] = {}
        self._resources: dict[str, Lane] = {}
        self._shapes: dict[tuple[str, Needs], Shape] = {}
        self._ranking: Ranking[Shape, Place] = Ranking()
        self._starving = Starving(limits.starvation_after_s)
        self._order = 0
        self._front = 0
        self._starts = 0
        self._turn = 0.0  # the latest turn that a project has had; nobody saves up turns before it
        self._last_turn = 0.0  # the latest turn that any project will have
        self._resting: list[tuple[float, str]] = []  # projects without jobs whose turn is still to come

    @property
    def running(self) -> int:
        """Slots that are taken."""
        return self.all.used

    @property
    def slots(self) -> int:
        """Slots that there are."""
        return self.all.capacity

    @property
    def could_start(self) -> bool:
        """Whether a slot is free and a job waits for one, whatever else it may need."""
        return bool(self.waiting) and self.all.free > 0

    # ------------------------------------------------------------------ jobs come and go

    def push(self, job: str, wants: Wants) -> None:
        """Let a job wait for its start; it is younger than all others."""
        self._order += 1
        self._insert(job, wants, self._order)

    def push_front(self, job: str, wants: Wants) -> None:
        """Let a job wait whose start was undone; it is older than all others."""
        self._front -= 1
        self._insert(job, wants, self._front)

    def discard(self, job: str) -> None:
        """Take a job out, if it waits, wherever it stands."""
        entry = self.waiting.get(job)
        if entry is None:
            return
        project = entry.line.project
        self._remove(entry)
        if entry is self.reserved:
            self._unreserve()
        self._rest(project)

    def reprioritise(self, job: str, priority: int) -> None:
        """Change the priority of a job that waits; its age stays."""
        entry = self.waiting[job]
        line = entry.line
        self._remove(entry)
        if entry is self.reserved:
            self._unreserve()
        self._insert(job, Wants(line.project.name, line.shape.agent, priority, line.shape.needs), entry.order)

    def pop(self, now: float) -> str | None:
        """Take the job that starts now, and what it takes of every lane; None when none can start.

        now: seconds of a clock that never goes back, for who waits too long.
        """
        if not self.could_start:
            return None
        reserved = self._reserve(now)
        if reserved is not None and all(lane.capacity - lane.used >= amount for lane, amount in takes(reserved)):
            self._unreserve()
            return self._start(reserved)
        while (shape := self._ranking.first()) is not None:
            line = shape.ranking.first()
            assert line is not None, "a shape without lines is in no ranking"
            lane = shape.blocked()
            if lane is None:
                return self._start(line.first)
            self._starving.turn_away(line.first, now, self._starts)
            self._park(shape, lane)
        return None

    def occupy(self, job: str, wants: Wants) -> None:
        """Take what an attempt takes that runs already; limits may be exceeded by it."""
        entry = Entry(0, job, wants.priority, self._line(wants))
        self._drop_if_empty(entry.line)
        self._take(entry)

    def release(self, job: str) -> None:
        """Give back what an attempt held that is over. Raises KeyError when it holds nothing."""
        entry = self._give_back(job)
        self._rest(entry.line.project)

    def undo(self, job: str) -> None:
        """Give back what a job holds that did not start after all; its project has its turn again."""
        project = self._give_back(job).line.project
        project.turn -= 1 / project.weight
        self._relist(project)
        self._rest(project)

    def set_limits(self, limits: Limits) -> None:
        """Change the limits; what runs goes on."""
        self.limits = limits
        self._starving.after_s = limits.starvation_after_s
        if self.reserved is not None:
            self._unreserve()
        self.all.capacity = limits.slots
        for name, lane in self._agents.items():
            lane.capacity = limits.agents.get(name, UNLIMITED)
        for name, lane in self._resources.items():
            lane.capacity = limits.resources.get(name, 0)
        for lane in (*self._agents.values(), *self._resources.values()):
            self._wake(lane, everything=True)
        for project in self.projects.values():
            project.lane.capacity = limits.projects.get(project.name, UNLIMITED)
            project.weight = limits.weights.get(project.name, 1.0)
            self._relist(project)

    # ------------------------------------------------------------------ lines

    def _insert(self, job: str, wants: Wants, order: int) -> None:
        line = self._line(wants)
        entry = self.waiting[job] = Entry(order, job, wants.priority, line)
        line.add(entry)
        if line.first is entry:
            self._list(line)

    def _remove(self, entry: Entry) -> None:
        """Take a waiting job out of its line."""
        line = entry.line
        was_first = line.first is entry
        line.remove(entry)
        del self.waiting[entry.job]
        self._starving.forget(entry.job)
        if was_first:
            self._list(line)
        self._drop_if_empty(line)

    def _line(self, wants: Wants) -> Line:
        project = self.projects.get(wants.project) or self._new_project(wants.project)
        shape = self._shapes.get((wants.agent, wants.needs)) or self._new_shape(wants.agent, wants.needs)
        line = project.lines.get(shape)
        if line is None:
            if not project.lines:
                project.turn = max(project.turn, self._turn)
            line = project.lines[shape] = Line(project, shape)
            shape.lines += 1
        return line

    def _new_project(self, name: str) -> Project:
        limits = self.limits
        limit, weight = limits.projects.get(name, UNLIMITED), limits.weights.get(name, 1.0)
        project = self.projects[name] = Project(name, limit, weight, self._turn)
        return project

    def _new_shape(self, agent: str, needs: Needs) -> Shape:
        lane = self._agents.get(agent)
        if lane is None:
            lane = self._agents[agent] = Lane(agent, self.limits.agents.get(agent, UNLIMITED))
        taken = [(lane, 1)]
        for name, amount in needs:
            resource = self._resources.get(name)
            if resource is None:
                resource = self._resources[name] = Lane(name, self.limits.resources.get(name, 0))
            taken.append((resource, amount))
        shape = self._shapes[agent, needs] = Shape(agent, needs, tuple(taken))
        return shape

    def _drop_if_empty(self, line: Line) -> None:
        if line.buckets:
            return
        del line.project.lines[line.shape]
        line.shape.lines -= 1
        if not line.shape.lines:
            del self._shapes[line.shape.agent, line.shape.needs]

    def _list(self, line: Line) -> None:
        """Rank a line by its first job; one that is empty, or whose project has no slot free, is in no ranking."""
        shape, project = line.shape, line.project
        if line.buckets and project.lane.free > 0:
            first = line.first
            shape.ranking.place(line, (-first.priority, project.share, project.turn, first.order))
        else:
            shape.ranking.drop(line)
        self._list_shape(shape)

    def _list_shape(self, shape: Shape) -> None:
        """Rank a shape by the first of its lines. Parked, it is in no ranking, and without lines it is not parked."""
        if not len(shape.ranking):
            self._ranking.drop(shape)
            if shape.parked is not None:
                shape.parked.parked.drop(shape)
                shape.parked = None
        elif shape.parked is None:
            best = shape.ranking.first()
            assert best is not None
            self._ranking.place(shape, shape.ranking.key(best))

    def _relist(self, project: Project) -> None:
        for line in project.lines.values():
            self._list(line)

    # ------------------------------------------------------------------ lanes

    def _start(self, entry: Entry) -> str:
        project = entry.line.project
        self._remove(entry)
        self._turn = max(self._turn, project.turn)
        project.turn += 1 / project.weight
        self._last_turn = max(self._last_turn, project.turn)
        self._take(entry)
        if self._resting:
            self._forget_rested()
        return entry.job

    def _take(self, entry: Entry) -> None:
        self._starts += 1
        self.held[entry.job] = entry
        project = entry.line.project
        self.all.used += 1
        project.lane.used += 1
        for lane, amount in entry.line.shape.takes:
            lane.used += amount
        for lane, _ in takes(entry):
            lane.given[entry.priority] = self._starts
        self._relist(project)

    def _give_back(self, job: str) -> Entry:
        entry = self.held.pop(job)
        project = entry.line.project
        self.all.used -= 1
        project.lane.used -= 1
        for lane, amount in entry.line.shape.takes:
            lane.used -= amount
            self._wake(lane)
        self._relist(project)
        return entry

    def _park(self, shape: Shape, lane: Lane) -> None:
        self._order += 1
        shape.parked = lane
        lane.parked.place(shape, (shape.amount(lane), self._order))
        self._ranking.drop(shape)

    def _wake(self, lane: Lane, *, everything: bool = False) -> None:
        """Rank the shapes again that wait for as much of the lane as is free now."""
        while (shape := lane.parked.first()) is not None:
            if lane.parked.key(shape)[0] > lane.free and not everything:
                return
            lane.parked.drop(shape)
            shape.parked = None
            self._list_shape(shape)

    def _reserve(self, now: float) -> Entry | None:
        """The job that has a reservation, which it may get now."""
        if self.reserved is None:
            self.reserved = self._starving.due(now)
            if self.reserved is not None:
                for lane, amount in takes(self.reserved):
                    lane.reserved += amount
                self._relist(self.reserved.line.project)
        return self.reserved

    def _unreserve(self) -> None:
        entry, self.reserved = self.reserved, None
        assert entry is not None
        for lane, _ in takes(entry):
            lane.reserved = 0
            self._wake(lane)
        self._relist(entry.line.project)

    # ------------------------------------------------------------------ projects without jobs

    def _rest(self, project: Project) -> None:
        """Forget a project that has no job any more, as soon as its turn has come: it cannot jump the queue."""
        if not project.lines and not project.lane.used:
            heappush(self._resting, (project.turn, project.name))
            self._forget_rested()

    def _forget_rested(self) -> None:
        if not self.waiting:  # nobody was kept from anything, so all turns have come
            self._turn = self._last_turn
        while self._resting and self._resting[0][0] <= self._turn:
            name = heappop(self._resting)[1]
            project = self.projects.get(name)
            if project and not project.lines and not project.lane.used and project.turn <= self._turn:
                del self.projects[name]
