"""The ready queue: which queued job starts next. Pure data; a decision costs O(log n) of the jobs that wait.

The order is priority, then the share of the project (the one with the least running, by its weight), then the
project's turn, then age. Limits are lanes: a slot of all projects, one of the job's project and of its agent, and
named resources. Waiting jobs stand in lines (see lines.py), lines in the ranking of their shape, and shapes in one
ranking. A shape that comes first and does not fit is parked at the lane that lacks room, until the lane has some:
so a job that does not fit never blocks one that does, and is not looked at again and again either.

Of a project's jobs of one priority, those go first that are inside most others: somebody waits for them.

It is written in four layers: lineup.py, slots.py, lending.py, and this one.
"""

from __future__ import annotations

from collections.abc import Iterable

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.groups import Entry
from luziad.scheduling.ready.lanes import Limits
from luziad.scheduling.ready.lending import Lending
from luziad.scheduling.ready.starvation import Starving, fits_ever, takes

GENERATION = 1 << 40
"""So much older than all others counts a job for each job that it is inside of."""


class ReadyQueue(Lending):
    """A job is in it from `push` to `pop` or `discard`, and holds what it takes from `pop` to `release`."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.reserved: Entry | None = None
        self._starving = Starving(limits.starvation_after_s)
        self._order = 0
        self._front = 0

    @property
    def could_start(self) -> bool:
        """Whether a slot is free and a job waits for one, whatever else it may need."""
        return bool(self.waiting) and self.all.free > 0

    # ------------------------------------------------------------------ jobs come and go

    def push(self, job: str, wants: Wants) -> None:
        """Let a job wait for its start; it is younger than all others."""
        self._order += 1
        self._insert(job, wants, self._order - wants.depth * GENERATION)

    def push_front(self, job: str, wants: Wants) -> None:
        """Let a job wait whose start was undone; it is older than all others."""
        self._front -= 1
        self._insert(job, wants, self._front - wants.depth * GENERATION)

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
        if reserved is not None and all(lane.free >= 0 for lane, _ in takes(reserved)):
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

    def take(self, job: str) -> bool:
        """Start a waiting job out of its turn, also of a paused project; False when there is no room for it."""
        entry = self.waiting[job]
        if self.reserved is not None:
            self._unreserve()
        project = entry.line.project
        most = self.limit_of(project.name)
        full = self.all.free <= 0 or project.lane.used + project.lane.reserved >= most
        if full or entry.line.shape.blocked() is not None:
            return False
        self._start(entry)
        return True

    def lend(self, job: str) -> None:
        """Give back all that a running job holds but its named resources, until it is taken back.

        Nothing stays reserved for one that needs these: the jobs for which the lender waits may need what is reserved.
        """
        super().lend(job)
        if self.reserved is not None and not fits_ever(self.reserved):
            self._unreserve()

    def set_limits(self, limits: Limits) -> None:
        """Change the limits; what runs goes on."""
        self._starving.after_s = limits.starvation_after_s
        if self.reserved is not None:
            self._unreserve()
        super().set_limits(limits)

    def pause(self, projects: Iterable[str]) -> None:
        """Start nothing of these projects, and jobs of all others; what runs goes on."""
        if self.reserved is not None:
            self._unreserve()
        super().pause(projects)

    # ------------------------------------------------------------------ how it is done

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
        for lane, amount in takes(entry):
            lane.reserved -= amount
            self._wake(lane)
        self._relist(entry.line.project)
