"""The parts of the daemon that request handlers use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Budget, Job, JobState
from luzia_protocol.replies import Ok

from luziad.config.schema import Config
from luziad.errors import StorageError
from luziad.fulltext.feeder import FullText
from luziad.handlers.dispatch.job_factory import JobFactory
from luziad.handlers.dispatch.project import unknown_project
from luziad.handlers.graph_parts import GraphParts
from luziad.handlers.replies import Call, SlicedReply
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.collisions import Collisions
from luziad.jobs.past_races import PastRaces
from luziad.jobs.questions import describe_question, open_questions
from luziad.jobs.record import JobRecord
from luziad.jobs.refusals import describe_attached, is_attached
from luziad.jobs.search import JobSearch
from luziad.jobs.table import JobTable
from luziad.jobs.view import describe_job, summarize_job, unreadable_job
from luziad.journal.finish_waiters import FinishWaiters
from luziad.journal.history import History
from luziad.journal.journal import Journal
from luziad.operations.operations import Operations
from luziad.operations.shutdown import Shutdown
from luziad.output.inotify import FileWatcher
from luziad.schedules.manager import ScheduleManager
from luziad.scheduling.day_totals import DayTotals
from luziad.scheduling.scheduler import Scheduler

log = logging.getLogger("luziad.handlers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The parts of the daemon that handlers use.

    files: a pool for short file operations. large_reads: limits the requests that read output at the same time.
    subscribers: the live event streams.
    """

    scheduler: Scheduler
    table: JobTable
    day_totals: DayTotals
    journal: Journal
    schedules: ScheduleManager
    operations: Operations
    job_factory: JobFactory
    shutdown: Shutdown
    files: ThreadPoolExecutor
    large_reads: asyncio.Semaphore
    watcher: FileWatcher
    finals: FinishWaiters
    history: History
    search: JobSearch
    fulltext: FullText
    collisions: Collisions
    past_races: PastRaces
    graph_parts: GraphParts
    subscribers: set[object]

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.operations.config

    def find_project(self, project: str) -> str:
        """The name of a project by its name or absolute path. Raises Refused unless it is configured, or known by jobs.

        A project that is paused is known as well.
        """
        name = self.scheduler.names.find(project)
        known = name in self.config.projects or name in self.scheduler.queues.now.projects
        if not known and not self.table.counts([name]):
            raise unknown_project(self.config, project, self.table.projects())
        return name

    def view(self, record: JobRecord, *, whole: bool) -> Job:
        """The job as clients see it, with the reason why it waits. A job that cannot be shown hides no other.

        Raises Refused when the rest of a long task cannot be read from the store now.
        """
        try:
            return self._view(record, whole=whole)
        except StorageError as exc:
            raise Refused(ErrorCode.STORAGE_UNAVAILABLE, f"job {record.id} cannot be read now: {exc}") from exc
        except Exception:
            log.exception("job_not_shown job=%s", record.id)
            return unreadable_job(record)

    def _view(self, record: JobRecord, *, whole: bool) -> Job:
        reason = record.status.reason
        if record.status.state is JobState.QUEUED:
            reason = self._why_queued(record, whole=whole)
        elif (problem := self._attempt_problem(record)) is not None:
            reason = problem
        elif record.attempt is not None and record.status.state is JobState.STOPPING:
            reason = record.attempt.stop_reason
        elif record.attempt is not None and record.status.state is JobState.WAITING:
            reason = "; ".join(describe_question(question) for question in open_questions(record.attempt)[:1]) or None
        elif is_attached(record):
            reason = describe_attached(record)
        elif record.waits_for_review:
            reason = "waits for a review of its work"
        elif record.status.state is JobState.RUNNING:
            reason = self.scheduler.lending.reason(record.id) or reason or (self.watcher.problem if whole else None)
        collisions = self.collisions.of(record)
        if not whole:
            return summarize_job(record, reason, collisions)
        options = self.scheduler.launcher.agent_options(record)
        return describe_job(
            record,
            reason,
            collisions,
            spec=self.scheduler.launcher.whole_spec(record),
            env_names=self.scheduler.environments.names(record.spec.env_set),
            directory=self.scheduler.executor.job_directory(record.id),
            children=self.table.children(record),
            budget=self._budget(record),
            model=options.model,
            permission_mode=options.permission_mode,
            args=options.args,
        )

    def _attempt_problem(self, record: JobRecord) -> str | None:
        """Why it is not known what became of the attempt in progress."""
        if record.attempt is None or record.status.state.is_final:
            return None
        return self.scheduler.executor.problem(AttemptRef(record.id, record.attempt.number))

    def _budget(self, record: JobRecord) -> Budget | None:
        """The job's limits, and what is left of its cost with its sub-jobs and those above; None without any limit."""
        cost_usd, turns = self.scheduler.launcher.budget(record)
        left_usd = self.scheduler.family_budgets.left_usd(record)
        return None if cost_usd is turns is left_usd is None else Budget(cost_usd, turns, left_usd)

    def _why_queued(self, record: JobRecord, *, whole: bool) -> str:
        """Why the job does not start now; with `whole`, also its position among the ready jobs."""
        if self.journal.failure is not None:
            return "the job store cannot be written; no job starts until it can"
        return self.scheduler.gates.reason(record, whole=whole)


Handler = Callable[[Services, Any, Call], "Ok | SlicedReply | Coroutine[Any, Any, None] | None"]
"""A handler returns the reply, or sliced work, or None or a coroutine when it answers the call itself.

It raises Refused. Work that may take more than a millisecond is sliced, so that other clients need not wait for it.
"""
