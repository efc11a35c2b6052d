"""Which jobs change the same files in their worktrees, as far as that was found. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from luzia_protocol.jobs import Collision

from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable


class Collisions:
    """Pairs of jobs. Each is in the record of one of them, its holder, so that it outlives the daemon."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._holders: dict[str, dict[str, str]] = {}

    def recover(self) -> None:
        """After a start of the daemon: take the pairs from the records."""
        for record in self._table.newest_first():
            for each in record.status.collisions:
                self._enter(record.id, each.job)

    def find(self, first: str, second: str) -> tuple[JobRecord, Collision] | None:
        """The holder of a pair, and what it has of the other one; None if they were never found to collide."""
        holder = self._table.get(self._holders.get(first, {}).get(second, ""))
        if holder is None:
            return None
        other = second if holder.id == first else first
        return next(((holder, each) for each in holder.status.collisions if each.job == other), None)

    def put(self, holder: JobRecord, collision: Collision) -> None:
        """Keep what a job has in common with another one. holder: that of the pair, or either if it is new."""
        others = (each for each in holder.status.collisions if each.job != collision.job)
        holder.status.collisions = (collision, *others)
        self._enter(holder.id, collision.job)

    def of(self, record: JobRecord) -> list[Collision]:
        """What the job has in common with others now: while both have a worktree."""
        partners = self._holders.get(record.id)
        if partners is None or record.status.worktree is None:
            return []
        found: list[Collision] = []
        for other in partners:
            pair, partner = self.find(record.id, other), self._table.get(other)
            if pair is not None and pair[1].file_count and partner is not None and partner.status.worktree is not None:
                found.append(replace(pair[1], job=other))
        return found

    def drop(self, job: str) -> None:
        """Forget the pairs of a job that is removed."""
        for other in self._holders.pop(job, {}):
            partners = self._holders.get(other, {})
            partners.pop(job, None)
            if not partners:
                self._holders.pop(other, None)

    def _enter(self, holder: str, other: str) -> None:
        self._holders.setdefault(holder, {}).setdefault(other, holder)
        self._holders.setdefault(other, {}).setdefault(holder, holder)
