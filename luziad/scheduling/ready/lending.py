"""Who waits for its sub-jobs, and lends its slots meanwhile: the third layer of the ready queue.

A job that waits for jobs below it gives back its slots, and what was kept for it of the machine's CPUs and memory. Its
named resources it keeps: a lock that is given away in the middle of the work is none. When its wait is over it asks for
its slots again, and has them before anything else starts that takes of the same lanes. Those that ask have their
turns in the order in which they have asked.
"""

from __future__ import annotations

import msgspec

from luziad.jobs.requirements import Wants
from luziad.jobs.resources import MACHINE
from luziad.scheduling.ready.groups import Project
from luziad.scheduling.ready.lanes import Lane, Limits
from luziad.scheduling.ready.slots import Slots

Amounts = tuple[tuple[Lane, int], ...]


class Loan(msgspec.Struct, eq=False):
    """What a job that waits has lent. kept: what it has not. project, claims: what is reserved for it once it asks."""

    wants: Wants
    kept: Amounts
    project: Project | None = None
    claims: Amounts = ()


class Lending(Slots):
    """Jobs that run are in `held`, or else in `lent`; of the latter, those in `asking` want their slots back."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.lent: dict[str, Loan] = {}
        self.asking: dict[str, Loan] = {}

    def lend(self, job: str) -> None:
        """Give back all that a running job holds but its named resources, until it is taken back."""
        line = self.held[job].line
        wants = Wants(line.project.name, line.shape.agent, self.held[job].priority, line.shape.needs)
        named = zip(wants.needs, line.shape.takes[1:], strict=True)
        kept = tuple(amount for (name, _), amount in named if name not in MACHINE)
        self.release(job)
        for lane, amount in kept:
            lane.used += amount
            lane.kept += amount
        self.lent[job] = Loan(wants, kept)

    def ask_back(self, job: str) -> None:
        """Let the job have its slots again as soon as there is room; `returned` tells when."""
        loan = self.asking[job] = self.lent[job]
        line = self._line(loan.wants)
        self._drop_if_empty(line)
        agent, *others = line.shape.takes
        kept = {lane for lane, _ in loan.kept}
        loan.project = line.project
        loan.claims = (agent, *(each for each in others if each[0] not in kept))
        for lane, amount in ((line.project.lane, 1), *loan.claims):
            lane.reserved += amount
        self._relist(line.project)

    def ask_no_more(self, job: str) -> None:
        """The job waits again, before it had its slots back."""
        loan = self.asking.pop(job)
        project, loan.project = loan.project, None
        assert project is not None
        for lane, amount in ((project.lane, 1), *loan.claims):
            lane.reserved -= amount
            self._wake(lane)
        self._relist(project)
        self._rest(project)

    def take_back(self, job: str) -> None:
        """Give the job its slots at once; limits may be exceeded by it."""
        self.occupy(job, self.lent[job].wants)
        self._forget_loan(job)

    def returned(self) -> list[str]:
        """Give their slots to those that ask for them, as far as there is room, and tell who they are."""
        back: list[str] = []
        ahead: dict[Lane, int] = {}
        for job, loan in list(self.asking.items()):
            if self.all.used >= self.all.capacity:
                break
            assert loan.project is not None
            most = self.limit_of(loan.wants.project)  # also while it is paused
            rooms = [(loan.project.lane, most, 1), *((lane, lane.capacity, amount) for lane, amount in loan.claims)]
            if all(_fits(lane, capacity, amount, ahead.get(lane, 0)) for lane, capacity, amount in rooms):
                self.take_back(job)
                back.append(job)
            else:
                for lane, _, amount in rooms:
                    ahead[lane] = ahead.get(lane, 0) + amount
        return back

    def exceeds(self, job: str) -> bool:
        """Whether more is taken than there is of a lane that this running job takes of."""
        line = self.held[job].line
        lanes = [self.all, *(lane for lane, _ in line.shape.takes)]
        most = self.limit_of(line.project.name)
        return line.project.lane.used > most or any(lane.used > lane.capacity for lane in lanes)

    def release(self, job: str) -> None:
        """Give back what an attempt held that is over, lent or not. Raises KeyError when it holds nothing."""
        if job in self.lent:
            self._forget_loan(job)
        else:
            super().release(job)

    def undo(self, job: str) -> None:
        """Give back what a job holds that did not start after all; its project has its turn again."""
        if job in self.lent:
            self._forget_loan(job)
        else:
            super().undo(job)

    def _forget_loan(self, job: str) -> None:
        if job in self.asking:
            self.ask_no_more(job)
        for lane, amount in self.lent.pop(job).kept:
            lane.used -= amount
            lane.kept -= amount
            self._wake(lane)


def _fits(lane: Lane, capacity: int, amount: int, ahead: int) -> bool:
    """Whether there is room behind those ahead; a limit that was lowered below what is asked for keeps nobody."""
    return lane.used + ahead + amount <= capacity or (not lane.used and not ahead)
