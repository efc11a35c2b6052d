"""Races: the first verified racer ends the others, and the worktrees of checks are removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import JobState, Outcome

from luziad.attempts.worktrees import Worktrees
from luziad.jobs.attempt import Verdict
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.discarded_work import DiscardedWork
from luziad.scheduling.stopping import is_live

log = logging.getLogger("luziad.scheduler")


class Races(JobObserver):
    """end: ends one live job, queued or not."""

    def __init__(
        self,
        table: JobTable,
        worktrees: Worktrees,
        discarded: DiscardedWork,
        end: Callable[[JobRecord, Verdict], None],
    ) -> None:
        self._table = table
        self._worktrees = worktrees
        self._discarded = discarded
        self._end = end
        self._tasks: set[asyncio.Task[None]] = set()

    def job_ended(self, record: JobRecord) -> None:
        """After the end of a check: end the other jobs of the race if it has decided that, and remove its worktree."""
        race = record.race
        if race is None or not race.check:
            return
        if race.first and record.status.state is JobState.COMPLETED:
            self._end_others(record, race.id)
        if record.status.worktree is not None:
            task = asyncio.get_running_loop().create_task(self._remove_worktree(record))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def recover(self) -> None:
        """After a start of the daemon: do what there was no time to do for checks, whose worktrees tell."""
        for record in list(self._table.newest_first()):
            if record.race is not None and record.status.state.is_final and record.status.worktree is not None:
                self.job_ended(record)

    async def close(self) -> None:
        """Wait until the worktrees that are being removed are gone, or have been given up."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end_others(self, winner: JobRecord, race: str) -> None:
        racer = "" if winner.status.dependencies is None else ", ".join(winner.status.dependencies.parents)
        reason = f"the work of {racer} was the first of race {race} that passed the verification"
        for record in list(self._table.newest_first()):
            if record.race is not None and record.race.id == race and record is not winner and is_live(record):
                self._end(record, Verdict(Outcome.CANCELLED, reason))

    async def _remove_worktree(self, record: JobRecord) -> None:
        try:
            if await self._worktrees.clean(record) is not None:  # what the verification has left is no work
                await self._discarded.discard(record)
        except Refused as refused:
            log.warning("worktree_of_check_kept job=%s reason=%s", record.id, refused.message)
