"""Who has taken what of the lanes: the second layer of the ready queue."""

from __future__ import annotations

from heapq import heappop, heappush

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.groups import Entry, Project
from luziad.scheduling.ready.lanes import Limits
from luziad.scheduling.ready.starvation import takes
from luziad.scheduling.ready.waiting import Lineup


class Slots(Lineup):
    """The jobs that run, and what they hold."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.held: dict[str, Entry] = {}
        self._starts = 0
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

    # ------------------------------------------------------------------ projects without jobs

    def _rest(self, project: Project) -> None:
        """Forget a project that has no job any more, as soon as its turn has come: it cannot jump the queue."""
        if _is_idle(project):
            heappush(self._resting, (project.turn, project.name))
            self._forget_rested()

    def _forget_rested(self) -> None:
        if not self.waiting:  # nobody was kept from anything, so all turns have come
            self._turn = self._last_turn
        while self._resting and self._resting[0][0] <= self._turn:
            name = heappop(self._resting)[1]
            project = self.projects.get(name)
            if project and _is_idle(project) and project.turn <= self._turn:
                del self.projects[name]


def _is_idle(project: Project) -> bool:
    """Whether no job of it waits or runs, or is about to run on."""
    return not project.lines and not project.lane.used and not project.lane.reserved
