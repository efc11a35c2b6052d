"""The jobs that wait, in lines, and the lanes that they will take of: the first layer of the ready queue.

Lines stand in the ranking of their shape, and shapes in one ranking. A shape that comes first and does not fit is
parked at the lane that lacks room, until the lane has some.
"""

from __future__ import annotations

from collections.abc import Iterable

from luziad.scheduling.ready.groups import Entry, Line, Origin, Project, Shape
from luziad.scheduling.ready.lanes import UNLIMITED, Lane, Limits, Needs, Wants
from luziad.scheduling.ready.ranking import Ranking


class Lineup:
    """Projects, shapes and lines, and the lanes; each of them is there as long as a job needs it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.paused: frozenset[str] = frozenset()
        self.waiting: dict[str, Entry] = {}
        self.projects: dict[str, Project] = {}
        self.all = Lane("all projects", limits.slots)
        self._agents: dict[str, Lane] = {}
        self._resources: dict[str, Lane] = {}
        self._shapes: dict[tuple[str, Needs], Shape] = {}
        self._ranking: Ranking[Shape, Origin] = Ranking()
        self._parkings = 0
        self._turn = 0.0  # the latest turn that a project has had; nobody saves up turns before it

    def set_limits(self, limits: Limits) -> None:
        """Change the limits; what runs goes on."""
        self.limits = limits
        self.all.capacity = limits.slots
        for name, lane in self._agents.items():
            lane.capacity = limits.agents.get(name, UNLIMITED)
        for name, lane in self._resources.items():
            lane.capacity = limits.resources.get(name, 0)
        for lane in (*self._agents.values(), *self._resources.values()):
            self._wake(lane, everything=True)
        for project in self.projects.values():
            project.lane.capacity = self._capacity(project.name)
            project.weight = limits.weights.get(project.name, 1.0)
            self._relist(project)

    def pause(self, projects: Iterable[str]) -> None:
        """Start nothing of these projects, and jobs of all others; what runs goes on."""
        before, self.paused = self.paused, frozenset(projects)
        for name in before ^ self.paused:
            project = self.projects.get(name)
            if project is not None:
                project.turn = max(project.turn, self._turn)  # nobody saves up turns
                project.lane.capacity = self._capacity(name)
                self._relist(project)

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
        project = Project(name, self._capacity(name), self.limits.weights.get(name, 1.0), self._turn)
        self.projects[name] = project
        return project

    def _capacity(self, project: str) -> int:
        return 0 if project in self.paused else self.limit_of(project)

    def limit_of(self, project: str) -> int:
        """How many jobs of a project may run, also while nothing of it starts."""
        return self.limits.projects.get(project, UNLIMITED)

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

    def _park(self, shape: Shape, lane: Lane) -> None:
        self._parkings += 1
        shape.parked = lane
        lane.parked.place(shape, (shape.amount(lane), self._parkings))
        self._ranking.drop(shape)

    def _wake(self, lane: Lane, *, everything: bool = False) -> None:
        """Rank the shapes again that wait for as much of the lane as is free now."""
        while (shape := lane.parked.first()) is not None:
            if lane.parked.key(shape)[0] > lane.free and not everything:
                return
            lane.parked.drop(shape)
            shape.parked = None
            self._list_shape(shape)
