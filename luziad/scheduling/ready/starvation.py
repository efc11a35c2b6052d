"""Keeps jobs that need much from starving behind those that need little.

A job that would have been next but did not fit is turned away, and others start in its stead. When they were given
what it waits for, and it has waited too long, everything that it takes is reserved for it: what becomes free is
kept until it can start. Only one job at a time has a reservation, so two of them can never wait for one another.
"""

from __future__ import annotations

from typing import NamedTuple

from luziad.scheduling.ready.groups import Entry
from luziad.scheduling.ready.lanes import Lane

LOOKED_AT = 8
"""How many of the jobs that were turned away one decision looks at."""


class _TurnedAway(NamedTuple):
    """since: when, in seconds of the caller's clock. starts: how many jobs had been started until then."""

    entry: Entry
    since: float
    starts: int


def takes(entry: Entry) -> list[tuple[Lane, int]]:
    """The lanes with a limit that the job takes of, besides the slots of all projects, and how much."""
    line = entry.line
    return [(lane, amount) for lane, amount in ((line.project.lane, 1), *line.shape.takes) if lane.limited]


def fits_ever(entry: Entry) -> bool:
    """Whether the job could start if all ended that run, but not those that wait for jobs which have not begun."""
    return all(amount <= lane.capacity - lane.kept for lane, amount in takes(entry))


class Starving:
    """Which job has waited too long. `after_s` may be changed at any time."""

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self._turned_away: dict[str, _TurnedAway] = {}

    def turn_away(self, entry: Entry, now: float, starts: int) -> None:
        """Take note that the job was the next one and did not fit; only those that can starve are remembered."""
        shape = entry.line.shape
        if shape.needs or (entry.line.project.lane.limited and shape.takes[0][0].limited):
            self._turned_away.setdefault(entry.job, _TurnedAway(entry, now, starts))

    def forget(self, job: str) -> None:
        """The job waits no more."""
        self._turned_away.pop(job, None)

    def due(self, now: float) -> Entry | None:
        """A job to reserve for, if one has waited too long."""
        turned_away = self._turned_away
        for _ in range(min(LOOKED_AT, len(turned_away))):
            job = next(iter(turned_away))
            each = turned_away[job] = turned_away.pop(job)
            if now - each.since >= self.after_s and _was_passed_over(each) and fits_ever(each.entry):
                return each.entry
        return None


def _was_passed_over(turned: _TurnedAway) -> bool:
    """Whether one that is no more urgent was given what the job lacks, after it had been turned away."""
    return any(
        lane.capacity - lane.used < amount and _given(lane, turned.entry.priority) > turned.starts
        for lane, amount in takes(turned.entry)
    )


def _given(lane: Lane, priority: int) -> int:
    return max((start for each, start in lane.given.items() if each <= priority), default=0)
