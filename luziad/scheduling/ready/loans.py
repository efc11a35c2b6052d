"""Jobs that wait for their sub-jobs and lend their slots meanwhile. Pure.

A job that waits for jobs below it gives back its slots and its reserved share of the machine's CPUs and memory. It
keeps its named resources: a lock cannot be given away in the middle of the work. When its wait is over it reclaims its
slots, and gets them before anything else starts that takes of the same lanes. Jobs that reclaim their slots are served
in the order of their claims.
"""

from __future__ import annotations

import msgspec

from luziad.jobs.requirements import Wants
from luziad.jobs.resources import MACHINE
from luziad.scheduling.ready.lines import Lane, Project
from luziad.scheduling.ready.lineup import Lineup
from luziad.scheduling.ready.slots import Slots

Amounts = tuple[tuple[Lane, int], ...]


class Loan(msgspec.Struct, eq=False):
    """What a job has lent. kept: what it has not. project, claims: what is reserved for it once it reclaims."""

    wants: Wants
    kept: Amounts
    project: Project | None = None
    claims: Amounts = ()


class Loans:
    """The jobs in `lent` have lent their slots; those of them in `reclaiming` wait to get them back."""

    def __init__(self, lineup: Lineup, slots: Slots) -> None:
        self.lent: dict[str, Loan] = {}
        self.reclaiming: dict[str, Loan] = {}
        self._lineup = lineup
        self._slots = slots

    def lend(self, job: str) -> None:
        """Give back everything that a running job holds except its named resources, until it is taken back."""
        entry = self._slots.held[job]
        line = entry.line
        wants = Wants(line.project.name, line.shape.agent, entry.priority, line.shape.needs)
        named = zip(wants.needs, line.shape.takes[1:], strict=True)
        kept = tuple(amount for (name, _), amount in named if name not in MACHINE)
        self._slots.release(job)
        for lane, amount in kept:
            lane.used += amount
            lane.kept += amount
        self.lent[job] = Loan(wants, kept)

    def reclaim(self, job: str) -> None:
        """Give the job its slots back as soon as there are free ones; `take_back_free` says when."""
        loan = self.reclaiming[job] = self.lent[job]
        line = self._lineup.line(loan.wants)
        self._lineup.drop_if_empty(line)
        agent, *others = line.shape.takes
        kept = {lane for lane, _ in loan.kept}
        loan.project = line.project
        loan.claims = (agent, *(each for each in others if each[0] not in kept))
        for lane, amount in ((line.project.lane, 1), *loan.claims):
            lane.reserved += amount
        self._lineup.rank_project(line.project)

    def cancel_reclaim(self, job: str) -> None:
        """Keep the slots lent: the job waits again."""
        loan = self.reclaiming.pop(job)
        project, loan.project = loan.project, None
        assert project is not None
        for lane, amount in ((project.lane, 1), *loan.claims):
            lane.reserved -= amount
            self._lineup.wake(lane)
        self._lineup.rank_project(project)
        self._lineup.rest(project)

    def move(self, job: str, project: str) -> None:
        """Count the loan to another project."""
        reclaims = job in self.reclaiming
        if reclaims:
            self.cancel_reclaim(job)
        self.lent[job].wants = msgspec.structs.replace(self.lent[job].wants, project=project)
        if reclaims:
            self.reclaim(job)

    def take_back(self, job: str) -> None:
        """Give the job its slots back at once, even beyond the limits."""
        self._slots.occupy(job, self.lent[job].wants)
        self.end(job)

    def take_back_free(self) -> list[str]:
        """Give the slots back that are free; returns the jobs that have got theirs."""
        back: list[str] = []
        ahead: dict[Lane, int] = {}
        for job, loan in list(self.reclaiming.items()):
            if self._lineup.all.used >= self._lineup.all.capacity:
                break
            assert loan.project is not None
            limit = self._lineup.limit_of(loan.wants.project)  # also while it is paused
            rooms = [(loan.project.lane, limit, 1), *((lane, lane.capacity, amount) for lane, amount in loan.claims)]
            if all(_fits(lane, capacity, amount, ahead.get(lane, 0)) for lane, capacity, amount in rooms):
                self.take_back(job)
                back.append(job)
            else:
                for lane, _, amount in rooms:
                    ahead[lane] = ahead.get(lane, 0) + amount
        return back

    def end(self, job: str) -> None:
        """Remove a loan and give back what the job has kept."""
        if job in self.reclaiming:
            self.cancel_reclaim(job)
        for lane, amount in self.lent.pop(job).kept:
            lane.used -= amount
            lane.kept -= amount
            self._lineup.wake(lane)


def _fits(lane: Lane, capacity: int, amount: int, ahead: int) -> bool:
    """Whether the amount is free behind those ahead; a limit that was lowered below the amount blocks no job."""
    return lane.used + ahead + amount <= capacity or (not lane.used and not ahead)
