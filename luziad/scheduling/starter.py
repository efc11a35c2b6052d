"""Starts jobs: gives slots to ready jobs and launches their attempts.

The event `starting` is committed before the executor hears of an attempt, so that an attempt starts at most once.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Outcome

from luziad.attempts.launch import NO_WORKTREE, Launcher, PreparedWorktree
from luziad.attempts.worktrees import Worktrees
from luziad.errors import StorageError
from luziad.executor.base import Executor
from luziad.jobs.attempt import Verdict
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.journal.journal import Journal
from luziad.scheduling.completion import Completion
from luziad.scheduling.gates.daily_budget import DailyBudgetGate
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.machine_load import MachineLoad
from luziad.scheduling.queue_control import Exemptions, QueueControl
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.shortage import Shortage
from luziad.scheduling.slot_lending import SlotLending
from luziad.scheduling.transitions import Transitions


@dataclass(kw_only=True, eq=False)
class Starter(JobObserver):
    """Starts every job that can start, whenever one may be able to."""

    table: JobTable
    journal: Journal
    ready: ReadyQueue
    gates: Gates
    queues: QueueControl
    exemptions: Exemptions
    machine: MachineLoad
    shortage: Shortage
    lending: SlotLending
    transitions: Transitions
    completion: Completion
    retries: RetryPlanner
    launcher: Launcher
    daily_budget: DailyBudgetGate
    family_budgets: FamilyBudgets
    executor: Executor
    worktrees: Worktrees
    observers: Observers
    _is_closed: bool = field(default=False, init=False)

    def close(self) -> None:
        """Start nothing any more."""
        self._is_closed = True

    def start_possible(self) -> None:
        """Start every job that can start now."""
        if self._is_closed:
            return
        self.lending.serve()
        if not self.ready.could_start or self.journal.failure is not None or self.shortage.problem is not None:
            return
        exempt = self.exemptions.jobs()
        if (self.queues.stopped and not exempt) or self.machine.is_busy():
            return
        for record in exempt:
            if self.ready.take(record.id):
                self._grant(record)
        while not self.queues.stopped and (job := self.ready.pop(time.monotonic())) is not None:
            popped = self.table.get(job)
            assert popped is not None, "a job in the ready queue is in the table"
            self._grant(popped)

    def store_recovered(self) -> None:
        """Start the jobs that have waited for the store."""
        self.start_possible()

    def _grant(self, record: JobRecord) -> None:
        """The job has its slots: start it, unless a gate has closed meanwhile."""
        if self.gates.hold_if_closed(record):
            self.ready.undo(record.id)
        else:
            self._start(record)

    def _start(self, record: JobRecord) -> None:
        self.transitions.move(record, Trigger.GRANTED)
        number = record.attempt.number + 1 if record.attempt else 1
        attempt = AttemptRecord(number, time.time(), continuation=self.retries.take_continuation(record))
        record.status.attempts = (*record.status.attempts, attempt)
        record.status.reason = None
        self.observers.attempt_starting(record, attempt)
        self.journal.record(record, self.journal.events.starting(record, number), lambda: self._launch(record))

    def _launch(self, record: JobRecord) -> None:
        attempt = record.attempt
        assert attempt is not None
        self.observers.job_changed(record)
        if record.wants_worktree:
            self.worktrees.prepare(record, functools.partial(self._submit, record, attempt))
        else:
            self._submit(record, attempt)

    def _submit(
        self,
        record: JobRecord,
        attempt: AttemptRecord,
        problem: str | None = None,
        worktree: PreparedWorktree = NO_WORKTREE,
    ) -> None:
        """Hand the attempt to the executor, unless it was stopped meanwhile or there is a problem."""
        if attempt.stop_outcome is not None:
            verdict = Verdict(attempt.stop_outcome, "cancelled before it started")
        else:
            if problem is None:
                try:
                    self.executor.submit(self.launcher.launch(record, self._left_usd(record), worktree))
                    return
                except Refused as refused:
                    problem = refused.message
                except StorageError as exc:
                    self.completion.put_back(record, attempt, str(exc))
                    return
            verdict = Verdict(Outcome.START_FAILED, problem)
        attempt.ended_at = time.time()
        self.completion.end_attempt(record, attempt, verdict)

    def _left_usd(self, record: JobRecord) -> float | None:
        """What the job may still cost by the budget of the day, and by those of its ancestors."""
        known = [self.daily_budget.left_usd(record), self.family_budgets.left_usd(record)]
        return min((each for each in known if each is not None), default=None)
