"""Removes finished jobs: on request, and the oldest of them when there are too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from luzia_protocol.errors import ErrorCode, Refused

from luziad.executor.base import Executor
from luziad.jobs.environments import Environments
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.record import JobRecord
from luziad.jobs.refusals import UNTIL_ENDED, wrong_state
from luziad.jobs.table import JobTable
from luziad.journal.journal import CommitCallbacks, Journal

AT_ONCE = 100
"""Jobs that are removed with one commit when there are too many."""


@dataclass(kw_only=True, eq=False)
class Retention(JobObserver):
    """max_jobs: the number of finished jobs that are kept; a setting of [daemon]."""

    table: JobTable
    journal: Journal
    environments: Environments
    executor: Executor
    observers: Observers
    max_jobs: int
    _is_removing: bool = field(default=False, init=False)

    def remove(self, record: JobRecord, then: Callable[[asyncio.Future[str | None]], None] | None = None) -> None:
        """Remove a finished job with its directory. Raises Refused when it is not finished, or its work not reviewed.

        then: called when that is committed, with the result of the deletion: why there are files left.
        """
        self.require_removable(record)
        self.table.remove(record)
        sets = (record.spec.env_set, record.spec.client_set)
        dropped = [number for number in sets if self.environments.release(number)]

        def committed() -> None:
            deletion = self.executor.delete_job(record.id)
            if then is not None:
                then(deletion)

        self.journal.remove(record, self.journal.events.removed(record), dropped, committed)
        self.observers.job_removed(record)

    def require_removable(self, record: JobRecord) -> None:
        """Raise Refused when the job is not finished, or a person has not decided about its work."""
        _require_final(record)
        if record.waits_for_review:
            raise Refused(ErrorCode.REVIEW_WANTED, f"the work of job {record.id} waits for a review")

    async def delete_files(self, record: JobRecord) -> None:
        """Delete the directory of a finished job, which stays in the table. Raises Refused when it is not finished."""
        _require_final(record)
        await asyncio.wait([self.executor.delete_job(record.id)])

    def set_max_jobs(self, max_jobs: int) -> None:
        """Keep this number of finished jobs from now on."""
        self.max_jobs = max_jobs
        self.remove_oldest()

    def remove_oldest(self) -> None:
        """Remove the finished jobs beyond `max_jobs`, those that ended first."""
        if not self._is_removing:
            self._remove_next()

    def _remove_next(self) -> None:
        """Remove some, and more when that is on disk, so that neither a turn of the loop nor a commit has too many."""
        self._is_removing = True
        oldest = self.table.oldest_final(self.max_jobs, AT_ONCE)
        for old in oldest:
            self.remove(old)
        self._is_removing = len(oldest) == AT_ONCE
        if self._is_removing:
            self.journal.after_commit(CommitCallbacks(self._remove_next, lambda _: self._give_up()))

    def _give_up(self) -> None:
        """The store cannot be written: the next job that ends begins again."""
        self._is_removing = False

    def job_ended(self, record: JobRecord) -> None:
        """Remove the oldest finished job when this one is too many."""
        self.remove_oldest()


def _require_final(record: JobRecord) -> None:
    if not record.status.state.is_final:
        raise wrong_state(record, ErrorCode.JOB_NOT_FINAL, UNTIL_ENDED)
