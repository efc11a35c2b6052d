"""The ready queue: which queued job starts next. Pure; a decision costs O(log n) of the waiting jobs.

The order is: priority, then the share of the project (the project with the fewest running jobs by its weight is
first), then the project's turn, then age. Among the jobs of one project and priority, those that are inside the most
other jobs are first, because another job may wait for them.

Limits are lanes: the slots of all projects, of the job's project and of its agent, and named resources. A job that
does not fit never blocks one that does, and is not examined again until it may fit (see lineup.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.lines import Entry, Lane, Project
from luziad.scheduling.ready.lineup import Lineup
from luziad.scheduling.ready.loans import Loans
from luziad.scheduling.ready.slots import Slots
from luziad.scheduling.ready.starvation import Reservation, takes

GENERATION = 1 << 40
"""The age that a job gains for each job that it is inside of."""


class ReadyQueue:
    """A job is in it from `push` to `pop` or `discard`, and holds what it needs from `pop` to `release`.

    waiting: the waiting jobs. held: the running jobs that hold their slots. lent: the running jobs that have lent
    them. reclaiming: those of the latter that wait to get them back.
    """

    def __init__(self, limits: Limits) -> None:
        self._lineup = Lineup(limits)
        self._slots = Slots(self._lineup)
        self._loans = Loans(self._lineup, self._slots)
        self._reservation = Reservation(self._lineup, limits.starvation_after_s)
        self._all = self._lineup.all
        self._order = 0
        self._front = 0
        self.waiting = self._lineup.waiting
        self.projects: dict[str, Project] = self._lineup.projects
        self.held = self._slots.held
        self.lent = self._loans.lent
        self.reclaiming = self._loans.reclaiming

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._lineup.limits

    @property
    def paused(self) -> frozenset[str]:
        """The projects of which nothing starts."""
        return self._lineup.paused

    @property
    def reserved(self) -> Entry | None:
        """The job for which capacity is reserved."""
        return self._reservation.entry

    @property
    def running(self) -> int:
        """The number of slots in use."""
        return self._all.used

    @property
    def slots(self) -> int:
        """The number of slots."""
        return self._all.capacity

    @property
    def could_start(self) -> bool:
        """Whether a slot is free and a job waits for one, whatever else it may need."""
        return bool(self.waiting) and self._all.free > 0

    # ------------------------------------------------------------------ waiting jobs

    def push(self, job: str, wants: Wants) -> None:
        """Add a job; it is younger than all others."""
        self._order += 1
        self._lineup.insert(job, wants, self._order - wants.depth * GENERATION)

    def push_front(self, job: str, wants: Wants) -> None:
        """Add a job whose start was undone; it is older than all others."""
        self._front -= 1
        self._lineup.insert(job, wants, self._front - wants.depth * GENERATION)

    def discard(self, job: str) -> None:
        """Remove a job, if it waits."""
        entry = self.waiting.get(job)
        if entry is not None:
            self._remove(entry)
            if entry is self._reservation.entry:
                self._reservation.cancel()
            self._lineup.rest(entry.line.project)

    def reprioritise(self, job: str, priority: int) -> None:
        """Change the priority of a waiting job; its age does not change."""
        entry = self.waiting[job]
        line = entry.line
        self._remove(entry)
        if entry is self._reservation.entry:
            self._reservation.cancel()
        wants = Wants(line.project.name, line.shape.agent, priority, line.shape.needs)
        self._lineup.insert(job, wants, entry.order)

    def move(self, job: str, project: str) -> None:
        """Count a waiting or running job, if it is one, to another project; its age does not change."""
        entry = self.waiting.get(job)
        if entry is not None:
            self.discard(job)
            shape = entry.line.shape
            self._lineup.insert(job, Wants(project, shape.agent, entry.priority, shape.needs), entry.order)
        elif job in self.held:
            self._slots.move(job, project)
        elif job in self.lent:
            self._loans.move(job, project)

    # ------------------------------------------------------------------ starting

    def pop(self, now: float) -> str | None:
        """Remove the job that starts now, and take what it needs; None when no job can start.

        now: seconds of a monotonic clock, to find jobs that wait for too long.
        """
        if not self.could_start:
            return None
        reserved = self._reservation.update(now)
        if reserved is not None and all(lane.free >= 0 for lane, _ in takes(reserved)):
            self._reservation.cancel()
            return self._start(reserved)
        lineup = self._lineup
        while (shape := lineup.ranking.first()) is not None:
            line = shape.ranking.first()
            assert line is not None, "a shape without lines is in no ranking"
            lane = shape.blocked()
            if lane is None:
                return self._start(line.first)
            self._reservation.turn_away(line.first, now, self._slots.starts)
            lineup.park(shape, lane)
        return None

    def take(self, job: str) -> bool:
        """Start a waiting job out of turn, also of a paused project; False when it does not fit."""
        entry = self.waiting[job]
        self._reservation.cancel()
        lane = entry.line.project.lane
        full = self._all.free <= 0 or lane.used + lane.reserved >= self.limit_of(entry.line.project.name)
        if full or entry.line.shape.blocked() is not None:
            return False
        self._start(entry)
        return True

    def _start(self, entry: Entry) -> str:
        self._remove(entry)
        self._lineup.take_turn(entry.line.project)
        self._slots.take(entry)
        self._lineup.remove_rested()
        return entry.job

    def _remove(self, entry: Entry) -> None:
        self._reservation.drop(entry.job)
        self._lineup.remove(entry)

    # ------------------------------------------------------------------ running jobs

    def occupy(self, job: str, wants: Wants) -> None:
        """Take what a job needs that is already running, even beyond the limits."""
        self._slots.occupy(job, wants)

    def release(self, job: str) -> None:
        """Give back what an ended attempt held, lent or not. Raises KeyError when it holds nothing."""
        if job in self.lent:
            self._loans.end(job)
        else:
            self._slots.release(job)

    def undo(self, job: str) -> None:
        """Give back what a job holds that did not start; its project gets its turn back."""
        if job in self.lent:
            self._loans.end(job)
        else:
            self._slots.undo(job)

    def exceeds(self, job: str) -> bool:
        """Whether a limit is exceeded that applies to this running job."""
        line = self.held[job].line
        lanes: list[Lane] = [self._all, *(lane for lane, _ in line.shape.takes)]
        over = line.project.lane.used > self.limit_of(line.project.name)
        return over or any(lane.used > lane.capacity for lane in lanes)

    # ------------------------------------------------------------------ lending

    def lend(self, job: str) -> None:
        """Give back everything that a running job holds except its named resources, until it is taken back.

        A reservation for a job that needs these ends: the jobs for which the lender waits may need what is reserved.
        """
        self._loans.lend(job)
        self._reservation.cancel_if_impossible()

    def reclaim(self, job: str) -> None:
        """Give the job its slots back as soon as there are free ones; `take_back_free` says when."""
        self._loans.reclaim(job)

    def cancel_reclaim(self, job: str) -> None:
        """Keep the slots lent: the job waits again."""
        self._loans.cancel_reclaim(job)

    def take_back(self, job: str) -> None:
        """Give the job its slots back at once, even beyond the limits."""
        self._loans.take_back(job)

    def take_back_free(self) -> list[str]:
        """Give the slots back that are free; returns the jobs that have got theirs."""
        return self._loans.take_back_free()

    # ------------------------------------------------------------------ limits

    def limit_of(self, project: str) -> int:
        """The number of jobs of a project that may run, also while the project is paused."""
        return self._lineup.limit_of(project)

    def set_limits(self, limits: Limits) -> None:
        """Change the limits; running jobs are not affected."""
        self._reservation.set_after_s(limits.starvation_after_s)
        self._reservation.cancel()
        self._lineup.set_limits(limits)

    def pause(self, projects: Iterable[str]) -> None:
        """Start no jobs of these projects, and jobs of all others; running jobs are not affected."""
        self._reservation.cancel()
        self._lineup.pause(projects)
