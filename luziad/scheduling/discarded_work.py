"""The copies of discarded work: how long they are kept, and that they are deleted then, or with their job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from luzia_protocol import jobs as protocol
from luzia_protocol.jobs import Worktree

from luziad.attempts.worktrees import Worktrees
from luziad.clocks.clock import on_steady_clock, steady_time
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.reviews import Reviews


class DiscardedWork(JobObserver):
    """Discards and restores the work of jobs. grace_s: how long a copy is kept."""

    def __init__(self, worktrees: Worktrees, table: JobTable, reviews: Reviews, grace_s: float) -> None:
        self._worktrees = worktrees
        self._reviews = reviews
        self._table = table
        self._grace_s = grace_s
        self._timers = TimerQueue(self._due)

    def set_grace(self, grace_s: float) -> None:
        """Keep what is discarded from now on for this time."""
        self._grace_s = grace_s

    def recover(self) -> None:
        """After a start of the daemon: watch all copies."""
        for record in self._table.newest_first():
            self._watch(record)

    def close(self) -> None:
        """Stop the timers."""
        self._timers.close()

    async def discard(self, record: JobRecord) -> None:
        """Remove the job's worktree and its branch, and keep a copy of the work. Raises Refused."""
        await self._worktrees.discard(record, self._note)
        self._reviews.work_discarded(record)
        self._watch(record)

    async def restore(self, record: JobRecord) -> None:
        """Make the job's worktree and branch again as they were discarded. Raises Refused."""
        await self._worktrees.restore(record)
        self._timers.drop(record)

    def job_removed(self, record: JobRecord) -> None:
        """Delete the copy with the job."""
        if record.status.discarded is not None:
            self._timers.drop(record)
            self._worktrees.delete_copy(record)

    def _note(self, record: JobRecord, tree: Worktree, commit: str) -> None:
        until = datetime.now(UTC) + timedelta(seconds=self._grace_s)
        record.status.discarded = protocol.DiscardedWork(tree, commit, until)
        record.status.discarded_until = steady_time(self._grace_s)

    def _watch(self, record: JobRecord) -> None:
        kept = record.status.discarded
        if kept is not None:
            self._timers.put(record, on_steady_clock(kept.kept_until.timestamp(), record.status.discarded_until))

    def _due(self, records: list[JobRecord]) -> None:
        for record in records:
            self._worktrees.delete_copy(record)
