"""Reservations: keep jobs that need much from starving behind jobs that need little. Pure.

A job that would have been next but did not fit is turned away, and others start instead. When others were given the
capacity that it waits for, and it has waited too long, everything that it needs is reserved: capacity that becomes
free is kept until the job can start. Only one job at a time has a reservation, so that two of them never wait for one
another.
"""

from __future__ import annotations

from typing import NamedTuple

from luziad.scheduling.ready.lines import Entry, Lane
from luziad.scheduling.ready.lineup import Lineup

EXAMINED = 8
"""The number of turned away jobs that one decision examines."""


class _TurnedAway(NamedTuple):
    """since: seconds of the caller's clock. starts: the number of jobs that had been started until then."""

    entry: Entry
    since: float
    starts: int


def takes(entry: Entry) -> list[tuple[Lane, int]]:
    """The limited lanes that the job takes of, besides the slots of all projects, and the amounts."""
    line = entry.line
    return [(lane, amount) for lane, amount in ((line.project.lane, 1), *line.shape.takes) if lane.is_limited]


class Reservation:
    """The job for which capacity is reserved, if any, as `entry`.

    after_s: seconds that a job waits before it gets a reservation.
    """

    def __init__(self, lineup: Lineup, after_s: float) -> None:
        self.entry: Entry | None = None
        self._lineup = lineup
        self._after_s = after_s
        self._turned_away: dict[str, _TurnedAway] = {}

    def set_after_s(self, after_s: float) -> None:
        """Change the time after which a job gets a reservation."""
        self._after_s = after_s

    def turn_away(self, entry: Entry, now: float, starts: int) -> None:
        """Note that the job was the next one and did not fit; only jobs that can starve are noted."""
        shape = entry.line.shape
        if shape.needs or (entry.line.project.lane.is_limited and shape.takes[0][0].is_limited):
            self._turned_away.setdefault(entry.job, _TurnedAway(entry, now, starts))

    def drop(self, job: str) -> None:
        """Note that the job no longer waits."""
        self._turned_away.pop(job, None)

    def update(self, now: float) -> Entry | None:
        """Reserve for a job that has waited too long, if there is one; returns the job with the reservation."""
        if self.entry is None:
            self.entry = self._due(now)
            if self.entry is not None:
                for lane, amount in takes(self.entry):
                    lane.reserved += amount
                self._lineup.rank_project(self.entry.line.project)
        return self.entry

    def cancel(self) -> None:
        """End the reservation, if there is one."""
        entry, self.entry = self.entry, None
        if entry is None:
            return
        for lane, amount in takes(entry):
            lane.reserved -= amount
            self._lineup.wake(lane)
        self._lineup.rank_project(entry.line.project)

    def cancel_if_impossible(self) -> None:
        """End the reservation when the job would not fit even if all others ended that have not lent their slots."""
        if self.entry is not None and not _fits_ever(self.entry):
            self.cancel()

    def _due(self, now: float) -> Entry | None:
        """A job that has waited too long."""
        turned_away = self._turned_away
        for _ in range(min(EXAMINED, len(turned_away))):
            job = next(iter(turned_away))
            each = turned_away[job] = turned_away.pop(job)
            if now - each.since >= self._after_s and _was_passed_over(each) and _fits_ever(each.entry):
                return each.entry
        return None


def _fits_ever(entry: Entry) -> bool:
    return all(amount <= lane.capacity - lane.kept for lane, amount in takes(entry))


def _was_passed_over(turned: _TurnedAway) -> bool:
    """Whether a job of no higher priority has been given what the job lacks, since it was turned away."""
    return any(
        lane.capacity - lane.used < amount and _last_start(lane, turned.entry.priority) > turned.starts
        for lane, amount in takes(turned.entry)
    )


def _last_start(lane: Lane, priority: int) -> int:
    return max((start for each, start in lane.last_start.items() if each <= priority), default=0)
