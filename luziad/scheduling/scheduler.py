"""The only writer: something happens -> lifecycle -> journal -> ready queue -> executor.

All of it runs on the event loop and none of it waits. A job is changed in memory first and recorded in the same
step; the executor hears of an attempt, and a client of its answer, when the journal has committed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import LIST_TASK_CHARS, JobState, Outcome, Progress

from luziad.attempts.budget import Breaches
from luziad.attempts.launch import Launcher
from luziad.attempts.progress import Progressing
from luziad.attempts.questions import Questions
from luziad.attempts.stall import StallWatch
from luziad.attempts.worktrees import Worktrees
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.environments import Environments
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec
from luziad.jobs.table import JobTable
from luziad.journal.events import EventFactory
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.admission import Intake
from luziad.scheduling.completion import Judge
from luziad.scheduling.deadlines.deadlines import Deadlines
from luziad.scheduling.deadlines.timeouts import Timeouts
from luziad.scheduling.drain_exceptions import GoingOn
from luziad.scheduling.gates.daily_budget import DayBudgets
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.gates.hold import HoldGate, Holding
from luziad.scheduling.machine_load import Machine
from luziad.scheduling.pause import Pausing
from luziad.scheduling.queue_control import QueueStops
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retry.next_attempt import Renewal
from luziad.scheduling.retry.policies import Policies
from luziad.scheduling.slot_lending import Yielding
from luziad.scheduling.sub_jobs import SubJobs


class Scheduler(Intake):
    """Moves jobs through their lives. `changed` is called with each job whose state or progress changed."""

    def __init__(
        self,
        *,
        table: JobTable,
        ready: ReadyQueue,
        journal: Journal,
        executor: Executor,
        launcher: Launcher,
        environments: Environments,
        judge: Judge,
        stalls: StallWatch,
        worktrees: Worktrees,
        questions: Questions,
        queues: QueueStops,
        changed: Callable[[JobRecord], None],
        max_jobs: int,
    ) -> None:
        self.table = table
        self.ready = ready
        self.journal = journal
        self.executor = executor
        self.launcher = launcher
        self.environments = environments
        self.max_jobs = max_jobs
        self.worktrees = worktrees
        self.questions = questions
        self.queues = queues
        queues.pump = self.pump
        questions.move, questions.changed = self._move, changed
        self._judge = judge
        self._stalls = stalls
        self._stalls.stalled = self._stalled
        self._changed = changed
        self._facts = EventFactory(journal)
        self._progressing = Progressing(journal, self._facts, changed)
        self._timeouts = Timeouts(self._timed_out)
        self.pausing = Pausing(self, journal, self._facts, executor, self._timeouts)
        self._deadlines = Deadlines(self._too_late)
        self.machine = Machine(launcher.config.daemon, self.pump)
        self.gates = Gates(ready, self.pump, self.machine)
        self.holding = Holding(self.gates, journal, self._facts)
        self.gates.add(HoldGate())
        self._going_on = GoingOn(table, ready, queues)
        self.gates.stopped = self._going_on.why
        self._renewal = Renewal(Policies(launcher), self.gates.admit)
        self.gates.add(self._renewal.limits)
        self.days = DayBudgets(table, launcher, self.gates.admit, self._stop, judge.has_finished)
        self._breaches = Breaches(self._stop, launcher.budget, judge.has_finished)
        launcher.left_of_day = self.days.left
        self.gates.add(self.days)
        self._sub_jobs = SubJobs(table, self._too_late)
        self.yielding = Yielding(ready, self.pump)
        stalls.excused = self.yielding.lends
        # who hears of every job that is final
        self.ended: list[Callable[[JobRecord], None]] = [self._sub_jobs.ended, self.yielding.ended]
        self._judging: set[asyncio.Task[None]] = set()
        self._stopped = False

        self._last_n = max((record.n for record in table.newest_first()), default=0)

    # ------------------------------------------------------------------ what clients ask

    def cancel(self, record: JobRecord, then: Callback) -> None:
        """End the job, and its sub-jobs with it. Raises Refused when it is final already."""
        state = record.status.state
        if state.is_final:
            raise Refused(ErrorCode.JOB_FINAL, f"job {record.id} is {state} already")
        if state is JobState.QUEUED:
            self.gates.discard(record)
            self._end_job(record, Verdict(Outcome.CANCELLED, "cancelled before it started"), then)
        else:
            self._stop(record, Verdict(Outcome.CANCELLED, "cancelled"), then)
        self._sub_jobs.cancel(record)

    def skip(self, record: JobRecord, reason: str) -> None:
        """End a queued job that can never run."""
        self.gates.discard(record)
        self._end_job(record, Verdict(Outcome.SKIPPED, reason), None)

    def retry(self, record: JobRecord, then: Callback, *, fresh: bool = False) -> None:
        """Queue a final job again, or start one at once that waits for a moment. Raises Refused for others.

        fresh: the task runs from the start; otherwise an agent goes on with its session, unless it had completed.
        """
        if self._renewal.at_once(record):
            self._record_requeued(record, "at once", then)
            self.gates.ask_again(record)
            return
        if not record.status.state.is_final:
            raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {record.id} is {record.status.state}")
        fresh = fresh or record.status.state is JobState.COMPLETED
        self._renewal.asked_anew(record, None if fresh else self._renewal.going_on(record))
        self._requeue(record, Trigger.RETRY, "retry", then)
        self._enqueue(record)
        self.pump()

    def send(self, record: JobRecord, message: str, then: Callback) -> None:
        """Say more in the job's conversation, after its attempt or at once. Raises Refused when its agent cannot."""
        given = self._renewal.send(record, message)
        attempt = record.attempt.number if record.attempt else 0
        self.journal.record(record, self._facts.sent(record, attempt, message[:LIST_TASK_CHARS]), then)
        if given is not None:
            self._renewal.asked_anew(record, given)
            self._requeue(record, Trigger.RETRY, "follow-up", None)
            self._enqueue(record)
            self.pump()

    def edit(self, record: JobRecord, spec: JobSpec, after: Dependencies | None, then: Callback) -> None:
        """Change what a queued job is to do, its priority, and what it comes after."""
        moved, record.spec = after != record.status.dependencies, spec
        record.status.dependencies = after
        self.journal.rewrite_spec(record, self._facts.edited(record), then)
        if moved:
            self.gates.ask_again(record)
        elif record.id in self.ready.waiting:
            self.ready.reprioritise(record.id, record.wants.priority)
        self._changed(record)

    def progress(self, record: JobRecord, progress: Progress, then: Callback) -> None:
        """Record how far the running attempt is. Raises Refused when none runs."""
        attempt = record.attempt
        if attempt is None or record.status.state.is_final or record.status.state is JobState.QUEUED:
            raise Refused(ErrorCode.JOB_NOT_RUNNING, f"job {record.id} is {record.status.state}")
        self._stalls.heard(AttemptRef(record.id, attempt.number))
        self._progressing.reported(record, attempt, progress, then)

    # ------------------------------------------------------------------ starting

    def pump(self) -> None:
        """Start every job that can start now."""
        if self._stopped:
            return
        self.yielding.serve()
        going_on = self._going_on.jobs()
        if self.journal.failure is not None or (self.queues.stopped and not going_on):
            return
        if self.ready.could_start and self.machine.busy():
            return
        for record in going_on:
            if self.ready.take(record.id):
                self._grant(record)
        while not self.queues.stopped and (job := self.ready.pop(time.monotonic())) is not None:
            popped = self.table.get(job)
            assert popped is not None, "a job in the ready queue is in the table"
            self._grant(popped)

    def resume(self) -> None:
        """After a start of the daemon: queue what waits, and find out what became of what ran."""
        self.days.reload()
        for record in reversed(list(self.table.newest_first())):
            if record.status.state is JobState.QUEUED:
                self._enqueue(record)
        for record in self.table.active():
            assert record.attempt is not None
            self._deadlines.watch(record)
            self.ready.occupy(record.id, record.wants)
            ref = AttemptRef(record.id, record.attempt.number)
            if record.attempt.started_at is not None:
                self._stalls.arm(record, record.attempt)
                self._judge.begin(record)
                self.questions.resume(record, record.attempt)
            self.executor.attach(ref)
            self.pausing.repeat(record)
            if record.attempt.stop_outcome is not None:
                self.executor.cancel(ref)
        self.retain()
        self.pump()

    async def stop(self) -> None:
        """Start nothing any more, and finish judging what has ended."""
        self._stopped = True
        self._timeouts.close()
        self._deadlines.close()
        self._renewal.limits.close()
        self.days.close()
        self._stalls.close()
        self.machine.close()
        await self.worktrees.close()
        if self._judging:
            await asyncio.wait(self._judging)

    def _grant(self, record: JobRecord) -> None:
        """The job has its slots: start it, unless a gate has closed meanwhile."""
        if self.gates.caught(record):
            self.ready.undo(record.id)
        else:
            self._start(record)

    def _start(self, record: JobRecord) -> None:
        self._move(record, Trigger.GRANTED)
        number = record.attempt.number + 1 if record.attempt else 1
        started = AttemptRecord(number, time.time(), continuation=self._renewal.taken(record))
        record.status.attempts = (*record.status.attempts, started)
        record.status.reason = None
        self._deadlines.watch(record)
        self.journal.record(record, self._facts.starting(record, number), lambda: self._launch(record))

    def _launch(self, record: JobRecord) -> None:
        attempt = record.attempt
        assert attempt is not None
        self._changed(record)
        if record.wants_worktree:
            self.worktrees.prepare(record, lambda problem: self._submit(record, attempt, problem))
        else:
            self._submit(record, attempt)

    def _submit(self, record: JobRecord, attempt: AttemptRecord, problem: str | None = None) -> None:
        """Hand the attempt to the executor, unless it is to end before, or there is a problem."""
        if attempt.stop_outcome is not None:
            attempt.ended_at = time.time()
            self._end_attempt(record, attempt, Verdict(attempt.stop_outcome, "cancelled before it started"))
            return
        if problem is None:
            try:
                self.executor.submit(self.launcher.launch(record))
                return
            except Refused as refused:
                problem = refused.message
        attempt.ended_at = time.time()
        self._end_attempt(record, attempt, Verdict(Outcome.START_FAILED, problem))
