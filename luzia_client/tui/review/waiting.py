"""The jobs that wait for a decision, in order, and what was decided about the others. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from luzia_protocol.jobs import Job

from luzia_client.trees.overlap import PlannedMerge
from luzia_client.tui.review.entry import Entry

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Order(StrEnum):
    """How the jobs are ordered."""

    OLDEST = "oldest first"
    PROJECT = "by project"
    MERGES = "order of merges"


def turn(job: Job, order: Order) -> tuple[str, datetime, str]:
    """What the jobs are sorted by."""
    return (job.project if order is Order.PROJECT else "", job.ended_at or _EARLIEST, job.id)


class WaitingWork:
    """The jobs that wait. order: theirs. decided: how many were decided here.

    planned: the proposed order of merges, as it was when it was asked for; jobs that it lacks come last.
    """

    def __init__(self) -> None:
        self.order = Order.OLDEST
        self.decided = 0
        self.planned: Sequence[PlannedMerge] = ()
        self._entries: dict[str, Entry] = {}
        self._selected: str | None = None
        self._place = 0
        self._turns = 0

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def entries(self) -> list[Entry]:
        """The jobs that wait, in order; those that were put off are last, as they were."""
        return sorted((each for each in self._entries.values() if not each.busy), key=self._key)

    @property
    def busy(self) -> list[Entry]:
        """Those that are being merged, sent or discarded."""
        return [each for each in self._entries.values() if each.busy]

    @property
    def later(self) -> int:
        """How many were put off."""
        return sum(each.put_off > 0 for each in self.entries)

    @property
    def current(self) -> Entry | None:
        """The job that is shown; if it is gone, the one in its place."""
        entries = self.entries
        place = next((place for place, each in enumerate(entries) if each.job.id == self._selected), None)
        if place is None:
            place = min(self._place, len(entries) - 1)
        if not entries:
            return None
        self._place, self._selected = place, entries[place].job.id
        return entries[place]

    @property
    def place(self) -> int:
        """The place of the current job, counted from 0."""
        return self._place if self.current is not None else 0

    @property
    def planned_conflict(self) -> PlannedMerge | None:
        """What the current job will conflict with when the jobs before it are merged; None if that is not known."""
        entry = self.current if self.order is Order.MERGES else None
        return next((each for each in self.planned if entry and each.job == entry.job.id and each.conflicts), None)

    def get(self, name: str) -> Entry | None:
        """The entry of a job."""
        return self._entries.get(name)

    def keep(self, names: Collection[str]) -> None:
        """Remove all jobs but these, and those whose decision is being carried out."""
        for name in [*self._entries]:
            if name not in names and not self._entries[name].busy:
                del self._entries[name]

    def put(self, name: str, job: Job | None) -> None:
        """Take what a job is now; None if it does not wait any more."""
        known = self._entries.get(name)
        if job is None:
            self._entries.pop(name, None)
        elif known is None:
            self._entries[name] = Entry(job)
        else:
            known.job = job
            known.is_stale = True

    def take_out(self, name: str) -> None:
        """Remove a job that was decided."""
        if self._entries.pop(name, None) is not None:
            self.decided += 1

    def undecide(self) -> None:
        """A decision was undone."""
        self.decided = max(self.decided - 1, 0)

    def step(self, jobs: int) -> bool:
        """Show the next job, or an earlier one if negative; after the last comes the first. False if there is one."""
        entries = self.entries
        if len(entries) < 2 or self.current is None:
            return False
        self._place = (self._place + jobs) % len(entries)
        self._selected = entries[self._place].job.id
        return True

    def select(self, name: str) -> None:
        """Show this job."""
        self._selected = name

    def put_off(self) -> Entry | None:
        """Move the current job behind all others, and show the next one; returns it."""
        if (entry := self.current) is None:
            return None
        entries = self.entries
        following = entries[(self._place + 1) % len(entries)]
        self._turns += 1
        entry.put_off = self._turns
        self.select(following.job.id)
        return entry

    def _key(self, entry: Entry) -> tuple[object, ...]:
        places = [each.job for each in self.planned] if self.order is Order.MERGES else []
        place = places.index(entry.job.id) if entry.job.id in places else len(places)
        return (entry.put_off, place, *turn(entry.job, self.order))
