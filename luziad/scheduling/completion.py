"""How attempts and jobs end, and whether another attempt follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from luzia_protocol.jobs import OUTCOME_STATES, JobState, Outcome, Progress

from luziad.attempts.verdict import OutputJudge
from luziad.jobs.activity import PLAN_LABEL
from luziad.jobs.attempt import AttemptEnd, AttemptRef, ExitRecord, LostAttempt, NotStarted, Verdict
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.journal import Callback, Journal
from luziad.log import EventLog
from luziad.scheduling.deadlines.timeouts import timeout_verdict
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.shortage import Shortage
from luziad.scheduling.stopping import AttemptStopper
from luziad.scheduling.takeovers import Takeovers
from luziad.scheduling.transitions import Transitions

log = EventLog("luziad.scheduler")

MAX_FENCED = 3
"""Attempts in a row that were fenced before they started, until the job fails."""


@dataclass(kw_only=True, eq=False)
class Completion:
    """Ends attempts and jobs. timeout_s: how long an attempt of a job may run."""

    transitions: Transitions
    journal: Journal
    gates: Gates
    ready: ReadyQueue
    retries: RetryPlanner
    judge: OutputJudge
    stopper: AttemptStopper
    shortage: Shortage
    takeovers: Takeovers
    timeout_s: Callable[[JobRecord], float | None]
    observers: Observers
    _judging: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def close(self) -> None:
        """Finish judging the attempts that have ended."""
        if self._judging:
            await asyncio.wait(self._judging)

    # ------------------------------------------------------------------ jobs

    def end(self, record: JobRecord, verdict: Verdict, then: Callback | None = None) -> None:
        """End a job that is not final: at once while it is queued, otherwise with its attempt."""
        if record.status.state is JobState.QUEUED:
            self.gates.discard(record)
            self._end_job(record, verdict, None, then)
        else:
            self.stopper.stop(record, verdict, then)

    def skip(self, record: JobRecord, reason: str) -> None:
        """End a queued job that can never run."""
        self.end(record, Verdict(Outcome.SKIPPED, reason))

    def _end_job(
        self, record: JobRecord, verdict: Verdict, ending: AttemptRecord | None, then: Callback | None
    ) -> None:
        fate, attempt = record.status, record.attempt
        self.transitions.move(record, Trigger(OUTCOME_STATES[verdict.outcome].value))
        fate.outcome, fate.reason = verdict.outcome, verdict.reason
        fate.ended_at = attempt.ended_at if attempt and attempt.ended_at else time.time()
        if fate.state is JobState.COMPLETED and fate.progress is not None and fate.progress.total:
            total = fate.progress.total
            done = fate.progress.done if fate.progress.label == PLAN_LABEL else total
            fate.progress = Progress(percent=100, done=done, total=total, label=fate.progress.label)
        self.journal.record(record, self.journal.events.ended(record, verdict, ending), then)
        self.observers.job_changed(record)
        log.info(f"job_ended job={record.id} outcome={verdict.outcome} reason={verdict.reason!r}")
        self.observers.job_ended(record)

    # ------------------------------------------------------------------ attempts

    def process_ended(self, record: JobRecord, attempt: AttemptRecord, end: AttemptEnd) -> None:
        """The attempt's processes are gone: give it a verdict, unless it never started."""
        if not isinstance(end, LostAttempt) and end.is_shortage and attempt.started_at is None:
            self.put_back(record, attempt, _text(end))
        elif isinstance(end, NotStarted) and attempt.started_at is None:
            self._never_started(record, attempt, end.reason)
        elif isinstance(end, ExitRecord):
            self._exited(record, attempt, end)
        else:
            was_deleted = isinstance(end, NotStarted)  # although it had started
            reason = "its directory was deleted while it was running" if was_deleted else end.reason
            self.judge.drop(AttemptRef(record.id, attempt.number))
            self.end_attempt(record, attempt, Verdict(Outcome.LOST, reason))

    def end_attempt(self, record: JobRecord, attempt: AttemptRecord, verdict: Verdict) -> None:
        """The attempt has this verdict: plan the next one, or end the job."""
        verdict = self.retries.classify(record, verdict)
        attempt.outcome, attempt.reason, attempt.cause = verdict.outcome, verdict.reason, verdict.cause
        self.observers.attempt_ended(record, attempt)
        self.ready.release(record.id)
        if (takeover := self.takeovers.pop(record.id)) is not None:
            takeover.take()
            self.observers.start_possible()
            return
        reason = self.retries.plan(record, verdict)
        if reason is None:
            self._end_job(record, self.retries.final_verdict(record, verdict), attempt, None)
        else:
            self.transitions.requeue(record, Trigger.REQUEUE, reason, ending=attempt)
        self.observers.start_possible()

    def end_attached(self, record: JobRecord, attempt: AttemptRecord, verdict: Verdict, *, continues: bool) -> None:
        """A user has left the session in a terminal. continues: the agent continues in the background."""
        attempt.outcome = verdict.outcome
        self.observers.attempt_ended(record, attempt)
        reason = self.retries.plan_after_attached(record, verdict, continues=continues)
        if reason is None:
            self._end_job(record, self.retries.final_verdict(record, verdict), attempt, None)
        else:
            held_at = None if attempt.attached is None else attempt.attached.held_at
            self.transitions.requeue(record, Trigger.REQUEUE, reason, ending=attempt, held_at=held_at)
        self.observers.start_possible()

    def _exited(self, record: JobRecord, attempt: AttemptRecord, end: ExitRecord) -> None:
        attempt.exit_code, attempt.signal = end.exit_code, end.signal
        if end.error is None:
            attempt.duration_s, attempt.usage = end.duration_s, end.usage
            attempt.started_at = attempt.started_at or end.started_at
        attempt.ended_at, attempt.lost_bytes = end.ended_at, end.lost_bytes
        ref = AttemptRef(record.id, attempt.number)
        if _was_cut_short(attempt, end) and not end.is_shutdown and not self.judge.is_reading(ref):
            self.end_attempt(record, attempt, _stop_verdict(attempt, end, self.timeout_s(record)))
            return
        task = asyncio.get_running_loop().create_task(self._judge_and_end(record, attempt, end))
        self._judging.add(task)
        task.add_done_callback(self._judging.discard)

    async def _judge_and_end(self, record: JobRecord, attempt: AttemptRecord, end: ExitRecord) -> None:
        verdict = await self.judge.verdict(record, end)
        if _was_cut_short(attempt, end):
            verdict = _stop_verdict(attempt, end, self.timeout_s(record))
        self.end_attempt(record, attempt, verdict)

    def put_back(self, record: JobRecord, attempt: AttemptRecord, reason: str) -> None:
        """The attempt was not started because the machine lacks something: let its job wait with the others."""
        attempt.shortage, attempt.ended_at = True, attempt.ended_at or time.time()
        self.shortage.report(reason)
        self._never_started(record, attempt, reason)

    def _never_started(self, record: JobRecord, attempt: AttemptRecord, reason: str) -> None:
        attempt.reason = reason
        if attempt.stop_outcome is not None:
            self.end_attempt(record, attempt, Verdict(attempt.stop_outcome, attempt.stop_reason))
            return
        latest = record.status.attempts[-MAX_FENCED:]
        if len(latest) == MAX_FENCED and all(each.started_at is None and not each.shortage for each in latest):
            self.end_attempt(record, attempt, Verdict(Outcome.START_FAILED, reason))
            return
        self.ready.undo(record.id)
        self.retries.put_back(record)
        self.transitions.requeue(record, Trigger.NEVER_STARTED, reason, front=True)
        self.observers.start_possible()


def _text(end: NotStarted | ExitRecord) -> str:
    """Why the agent was not started."""
    return end.reason if isinstance(end, NotStarted) else end.error or ""


def _was_cut_short(attempt: AttemptRecord, end: ExitRecord) -> bool:
    """Whether the attempt was stopped, and not only its process after its work was done."""
    return (end.stopped or end.is_shutdown) and not (attempt.activity is not None and attempt.activity.lingered)


def _stop_verdict(attempt: AttemptRecord, end: ExitRecord, timeout_s: float | None) -> Verdict:
    """The verdict on an attempt that was stopped, also by a daemon that was killed before it could record why."""
    paused_s = attempt.pauses.total_s if attempt.pauses is not None else 0.0
    if attempt.stop_outcome is None and timeout_s is not None and end.duration_s - paused_s >= timeout_s:
        return timeout_verdict(timeout_s)
    if attempt.stop_outcome is None and end.is_shutdown:
        return Verdict(Outcome.LOST, "the machine was shut down while it ran")
    return Verdict(attempt.stop_outcome or Outcome.CANCELLED, attempt.stop_reason or "cancelled")
