"""Starts jobs: gives slots to ready jobs and launches their attempts.

The event `starting` is committed before the executor hears of an attempt, so that an attempt starts at most once.
"""

from __future__ import annotations

import time
from typing import Protocol

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Outcome

from luziad.attempts.launch import Launcher
from luziad.attempts.worktrees import Worktrees
from luziad.executor.base import Executor
from luziad.jobs.attempt import Verdict
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.journal.journal import Journal
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.machine_load import MachineLoad
from luziad.scheduling.queue_control import Exemptions, QueueControl
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.slot_lending import SlotLending
from luziad.scheduling.transitions import Transitions


class AttemptEnds(Protocol):
    """Ends an attempt with a verdict; Completion."""

    def end_attempt(self, record: JobRecord, attempt: AttemptRecord, verdict: Verdict) -> None: ...


class CostLimit(Protocol):
    """The budget of the day; DailyBudgetGate."""

    def left_usd(self, record: JobRecord) -> float | None: ...


class Starter(JobObserver):
    """Starts every job that can start, whenever one may be able to."""

    def __init__(
        self,
        *,
        table: JobTable,
        journal: Journal,
        ready: ReadyQueue,
        gates: Gates,
        queues: QueueControl,
        exemptions: Exemptions,
        machine: MachineLoad,
        lending: SlotLending,
        transitions: Transitions,
        completion: AttemptEnds,
        retries: RetryPlanner,
        launcher: Launcher,
        daily_budget: CostLimit,
        executor: Executor,
        worktrees: Worktrees,
        observers: Observers,
    ) -> None:
        self._table = table
        self._journal = journal
        self._ready = ready
        self._gates = gates
        self._queues = queues
        self._exemptions = exemptions
        self._machine = machine
        self._lending = lending
        self._transitions = transitions
        self._completion = completion
        self._retries = retries
        self._launcher = launcher
        self._daily_budget = daily_budget
        self._executor = executor
        self._worktrees = worktrees
        self._observers = observers
        self._is_closed = False

    def close(self) -> None:
        """Start nothing any more."""
        self._is_closed = True

    def start_possible(self) -> None:
        """Start every job that can start now."""
        if self._is_closed:
            return
        self._lending.serve()
        exempt = self._exemptions.jobs()
        if self._journal.failure is not None or (self._queues.stopped and not exempt):
            return
        if self._ready.could_start and self._machine.is_busy():
            return
        for record in exempt:
            if self._ready.take(record.id):
                self._grant(record)
        while not self._queues.stopped and (job := self._ready.pop(time.monotonic())) is not None:
            popped = self._table.get(job)
            assert popped is not None, "a job in the ready queue is in the table"
            self._grant(popped)

    def store_recovered(self) -> None:
        """Start the jobs that have waited for the store."""
        self.start_possible()

    def _grant(self, record: JobRecord) -> None:
        """The job has its slots: start it, unless a gate has closed meanwhile."""
        if self._gates.hold_if_closed(record):
            self._ready.undo(record.id)
        else:
            self._start(record)

    def _start(self, record: JobRecord) -> None:
        self._transitions.move(record, Trigger.GRANTED)
        number = record.attempt.number + 1 if record.attempt else 1
        attempt = AttemptRecord(number, time.time(), continuation=self._retries.take_continuation(record))
        record.status.attempts = (*record.status.attempts, attempt)
        record.status.reason = None
        self._observers.attempt_starting(record, attempt)
        self._journal.record(record, self._journal.events.starting(record, number), lambda: self._launch(record))

    def _launch(self, record: JobRecord) -> None:
        attempt = record.attempt
        assert attempt is not None
        self._observers.job_changed(record)
        if record.wants_worktree:
            self._worktrees.prepare(record, lambda problem: self._submit(record, attempt, problem))
        else:
            self._submit(record, attempt)

    def _submit(self, record: JobRecord, attempt: AttemptRecord, problem: str | None = None) -> None:
        """Hand the attempt to the executor, unless it was stopped meanwhile or there is a problem."""
        if attempt.stop_outcome is not None:
            verdict = Verdict(attempt.stop_outcome, "cancelled before it started")
        else:
            if problem is None:
                try:
                    self._executor.submit(self._launcher.launch(record, self._daily_budget.left_usd(record)))
                    return
                except Refused as refused:
                    problem = refused.message
            verdict = Verdict(Outcome.START_FAILED, problem)
        attempt.ended_at = time.time()
        self._completion.end_attempt(record, attempt, verdict)
