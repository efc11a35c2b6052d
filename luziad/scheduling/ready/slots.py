"""The slots and resources that running jobs hold. Pure."""

from __future__ import annotations

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.lines import Entry
from luziad.scheduling.ready.lineup import Lineup
from luziad.scheduling.ready.starvation import takes


class Slots:
    """Takes of the lanes for the jobs that run, and gives back. held: the entries of these jobs.

    starts: the number of jobs that were started.
    """

    def __init__(self, lineup: Lineup) -> None:
        self.held: dict[str, Entry] = {}
        self.starts = 0
        self._lineup = lineup

    def take(self, entry: Entry) -> None:
        """Take everything that the job needs."""
        self.starts += 1
        self.held[entry.job] = entry
        project = entry.line.project
        self._lineup.all.used += 1
        project.lane.used += 1
        for lane, amount in entry.line.shape.takes:
            lane.used += amount
        for lane, _ in takes(entry):
            lane.last_start[entry.priority] = self.starts
        self._lineup.rank_project(project)

    def occupy(self, job: str, wants: Wants) -> None:
        """Take what a job needs that is already running, even beyond the limits."""
        entry = Entry(0, job, wants.priority, self._lineup.line(wants))
        self._lineup.drop_if_empty(entry.line)
        self.take(entry)

    def release(self, job: str) -> None:
        """Give back what an ended attempt held. Raises KeyError when it holds nothing."""
        self._lineup.rest(self._give_back(job).line.project)

    def move(self, job: str, project: str) -> None:
        """Take what a running job holds for another project."""
        entry = self.held[job]
        self.release(job)
        shape = entry.line.shape
        self.occupy(job, Wants(project, shape.agent, entry.priority, shape.needs))

    def undo(self, job: str) -> None:
        """Give back what a job holds that did not start; its project gets its turn back."""
        project = self._give_back(job).line.project
        project.turn -= 1 / project.weight
        self._lineup.rank_project(project)
        self._lineup.rest(project)

    def _give_back(self, job: str) -> Entry:
        entry = self.held.pop(job)
        project = entry.line.project
        self._lineup.all.used -= 1
        project.lane.used -= 1
        for lane, amount in entry.line.shape.takes:
            lane.used -= amount
            self._lineup.wake(lane)
        self._lineup.rank_project(project)
        return entry
