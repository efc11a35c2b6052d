"""The waiting jobs in their lines, and the order in which the lines start. Pure.

Lines are ranked within their shape, and shapes in one ranking. A shape that is first and does not fit is parked at the
lane that lacks capacity, until the lane has some. A project without jobs is kept until its turn has come, so that no
project gains by emptying its queue.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from luziad.jobs.requirements import Needs, Wants
from luziad.scheduling.ready.keyed_heap import KeyedHeap
from luziad.scheduling.ready.limits import UNLIMITED, Limits
from luziad.scheduling.ready.lines import Entry, Lane, Line, Project, Rank, Shape


class Lineup:
    """Lanes, projects, shapes and lines; each of them exists while a job needs it.

    waiting: the entries of all waiting jobs. all: the lane of all projects.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.paused: frozenset[str] = frozenset()
        self.waiting: dict[str, Entry] = {}
        self.projects: dict[str, Project] = {}
        self.shapes: dict[tuple[str, Needs], Shape] = {}
        self.ranking: KeyedHeap[Shape, Rank] = KeyedHeap()
        self.all = Lane("all projects", limits.slots)
        self._agents: dict[str, Lane] = {}
        self._resources: dict[str, Lane] = {}
        self._parkings = 0
        self._turn = 0.0  # the latest turn of a started job's project; no project saves up turns before it
        self._last_turn = 0.0  # the latest turn of any project
        self._resting: list[tuple[float, str]] = []  # projects without jobs whose turn is still to come

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes of agents and resources."""
        return (*self._agents.values(), *self._resources.values())

    # ------------------------------------------------------------------ limits

    def set_limits(self, limits: Limits) -> None:
        """Change the limits; running jobs are not affected."""
        self.limits = limits
        self.all.capacity = limits.slots
        for name, lane in self._agents.items():
            lane.capacity = limits.agents.get(name, UNLIMITED)
        for name, lane in self._resources.items():
            lane.capacity = limits.resources.get(name, 0)
        for lane in self.lanes:
            self.wake(lane, everything=True)
        for project in self.projects.values():
            project.lane.capacity = self._capacity(project.name)
            project.weight = limits.weights.get(project.name, 1.0)
            self.rank_project(project)

    def pause(self, projects: Iterable[str]) -> None:
        """Start no jobs of these projects, and jobs of all others; running jobs are not affected."""
        before, self.paused = self.paused, frozenset(projects)
        for name in before ^ self.paused:
            project = self.projects.get(name)
            if project is not None:
                project.turn = max(project.turn, self._turn)  # no project saves up turns
                project.lane.capacity = self._capacity(name)
                self.rank_project(project)

    def limit_of(self, project: str) -> int:
        """The number of jobs of a project that may run, also while the project is paused."""
        return self.limits.projects.get(project, UNLIMITED)

    def _capacity(self, project: str) -> int:
        return 0 if project in self.paused else self.limit_of(project)

    # ------------------------------------------------------------------ waiting jobs

    def insert(self, job: str, wants: Wants, order: int) -> None:
        """Add a waiting job; `order` is its age."""
        line = self.line(wants)
        entry = self.waiting[job] = Entry(order, job, wants.priority, line)
        line.add(entry)
        if line.first is entry:
            self._rank(line)

    def remove(self, entry: Entry) -> None:
        """Remove a waiting job from its line."""
        line = entry.line
        was_first = line.first is entry
        line.remove(entry)
        del self.waiting[entry.job]
        if was_first:
            self._rank(line)
        self.drop_if_empty(line)

    # ------------------------------------------------------------------ lines

    def line(self, wants: Wants) -> Line:
        """The line that the job belongs to; a new one when there is none."""
        project = self.projects.get(wants.project) or self._new_project(wants.project)
        shape = self.shapes.get((wants.agent, wants.needs)) or self._new_shape(wants.agent, wants.needs)
        line = project.lines.get(shape)
        if line is None:
            if not project.lines:
                project.turn = max(project.turn, self._turn)
            line = project.lines[shape] = Line(project, shape)
            shape.lines += 1
        return line

    def drop_if_empty(self, line: Line) -> None:
        """Remove a line without jobs, and its shape when it was the last line of it."""
        if line.buckets:
            return
        del line.project.lines[line.shape]
        line.shape.lines -= 1
        if not line.shape.lines:
            del self.shapes[line.shape.agent, line.shape.needs]

    def _new_project(self, name: str) -> Project:
        project = Project(name, self._capacity(name), self.limits.weights.get(name, 1.0), self._turn)
        self.projects[name] = project
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
        shape = self.shapes[agent, needs] = Shape(agent, needs, tuple(taken))
        return shape

    # ------------------------------------------------------------------ order

    def rank_project(self, project: Project) -> None:
        """Rank the lines of a project again, whose share, turn or free slots have changed."""
        for line in project.lines.values():
            self._rank(line)

    def park(self, shape: Shape, lane: Lane) -> None:
        """Take a shape out of the ranking until the lane has enough capacity for it."""
        self._parkings += 1
        shape.parked = lane
        lane.parked.place(shape, (shape.amount(lane), self._parkings))
        self.ranking.drop(shape)

    def wake(self, lane: Lane, *, everything: bool = False) -> None:
        """Rank the parked shapes again that fit into the free capacity of the lane."""
        while (shape := lane.parked.first()) is not None:
            if lane.parked.key(shape)[0] > lane.free and not everything:
                return
            lane.parked.drop(shape)
            shape.parked = None
            self._rank_shape(shape)

    def _rank(self, line: Line) -> None:
        """Rank a line by its first job; an empty line, or one whose project has no free slot, is not ranked."""
        shape, project = line.shape, line.project
        if line.buckets and project.lane.free > 0:
            first = line.first
            shape.ranking.place(line, (-first.priority, project.share, project.turn, first.order))
        else:
            shape.ranking.drop(line)
        self._rank_shape(shape)

    def _rank_shape(self, shape: Shape) -> None:
        """Rank a shape by the first of its lines, unless it is parked. A shape without lines is not parked."""
        if not len(shape.ranking):
            self.ranking.drop(shape)
            if shape.parked is not None:
                shape.parked.parked.drop(shape)
                shape.parked = None
        elif shape.parked is None:
            best = shape.ranking.first()
            assert best is not None
            self.ranking.place(shape, shape.ranking.key(best))

    # ------------------------------------------------------------------ turns

    def take_turn(self, project: Project) -> None:
        """A job of the project is about to start."""
        self._turn = max(self._turn, project.turn)
        project.turn += 1 / project.weight
        self._last_turn = max(self._last_turn, project.turn)

    def rest(self, project: Project) -> None:
        """Remove a project without jobs as soon as its turn has come."""
        if _is_idle(project):
            heappush(self._resting, (project.turn, project.name))
            self.remove_rested()

    def remove_rested(self) -> None:
        """Remove the projects without jobs whose turn has come."""
        if not self._resting:
            return
        if not self.waiting:  # no job was kept from starting, so that all turns have come
            self._turn = self._last_turn
        while self._resting and self._resting[0][0] <= self._turn:
            name = heappop(self._resting)[1]
            project = self.projects.get(name)
            if project and _is_idle(project) and project.turn <= self._turn:
                del self.projects[name]


def _is_idle(project: Project) -> bool:
    """Whether no job of the project waits or runs, or is about to reclaim its slots."""
    return not project.lines and not project.lane.used and not project.lane.reserved
