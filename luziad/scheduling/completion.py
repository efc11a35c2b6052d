"""How attempts and jobs end: what the executor tells, what limits and people ask for, and what follows from it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import OUTCOME_STATES, JobState, Outcome, Progress

from luziad.attempts import bounds
from luziad.attempts.budget import Breaches
from luziad.attempts.launch import Launcher
from luziad.attempts.progress import Progressing
from luziad.attempts.questions import Questions
from luziad.attempts.stall import StallWatch
from luziad.jobs.activity import PLAN_LABEL
from luziad.jobs.attempt import AttemptEnd, AttemptRef, ExitRecord, NotStarted, Verdict
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.commit_listeners import FallbackListener
from luziad.journal.journal import Callback
from luziad.scheduling.deadlines.timeouts import Timeouts
from luziad.scheduling.gates.daily_budget import DayBudgets
from luziad.scheduling.pause import Pausing
from luziad.scheduling.slot_lending import Yielding
from luziad.scheduling.transitions import Moves

log = logging.getLogger("luziad.scheduler")

MAX_FENCED = 3
"""Attempts in a row that were fenced before they started, until the job fails."""


class Judge(Protocol):
    """Reads what an attempt writes, and says how it ended."""

    def begin(self, record: JobRecord) -> None: ...

    def is_reading(self, ref: AttemptRef) -> bool: ...

    def has_finished(self, ref: AttemptRef) -> bool: ...

    def give_up(self, ref: AttemptRef) -> None: ...

    async def verdict(self, record: JobRecord, end: ExitRecord) -> Verdict: ...


class Endings(Moves):
    """The second layer of the scheduler, which sets these attributes."""

    launcher: Launcher
    questions: Questions
    pausing: Pausing
    days: DayBudgets
    yielding: Yielding
    ended: list[Callable[[JobRecord], None]]
    _judge: Judge
    _stalls: StallWatch
    _timeouts: Timeouts
    _progressing: Progressing
    _breaches: Breaches
    _judging: set[asyncio.Task[None]]

    # ------------------------------------------------------------------ what the executor tells

    def attempt_started(self, ref: AttemptRef, pid: int, started_at: float, ran_s: float) -> None:
        """The agent runs."""
        found = self._current(ref)
        if found is None:
            return
        record, attempt = found
        attempt.pid = pid
        attempt.started_at = started_at
        if self._move(record, Trigger.STARTED):
            self.journal.record(record, self._facts.started(record, attempt.number, pid))
            self._changed(record)
            self.pausing.started(record)
        self._timeouts.arm(record, attempt, self.launcher.timeout_s(record), ran_s)
        self._stalls.arm(record, attempt)
        self._judge.begin(record)

    def understood(self, ref: AttemptRef, activity: Activity, progress: Progress | None) -> None:
        """The attempt's output tells more than was known."""
        found = self._current(ref)
        if found is not None and self._progressing.understood(*found, activity, progress):
            self._breaches.look(*found)
            self.days.look(*found)
            self.questions.heard(*found)

    def lingers(self, ref: AttemptRef) -> None:
        """The attempt's agent goes on after its final result: end it, and judge it by that."""
        found = self._current(ref)
        if found is None or found[1].activity is None or found[1].stop_outcome is not None:
            return
        record, attempt = found
        attempt.activity = msgspec.structs.replace(found[1].activity, lingered=True)
        attempt.stop_reason = "it went on after its final result"
        self._end_soon(record, attempt, attempt.stop_reason, None)

    def attempt_ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        """The attempt is over and its process tree is gone."""
        found = self._current(ref)
        if found is None:
            return
        record, attempt = found
        self._timeouts.disarm(ref)
        self._stalls.disarm(ref)
        attempt.ended_at = time.time()
        if isinstance(end, NotStarted) and attempt.started_at is None:
            self._never_started(record, attempt, end.reason)
        elif isinstance(end, ExitRecord):
            self._exited(record, attempt, end)
        else:
            deleted = isinstance(end, NotStarted)  # and yet it had started
            reason = "its directory was deleted while it ran" if deleted else end.reason
            self._judge.give_up(ref)
            self._end_attempt(record, attempt, Verdict(Outcome.LOST, reason))

    # ------------------------------------------------------------------ ending

    def _stop(self, record: JobRecord, verdict: Verdict, then: Callback | None = None) -> None:
        """Ask for the end of the attempt under way; the verdict is what it will have been."""
        attempt = record.attempt
        assert attempt is not None
        reason = verdict.reason or ""
        if attempt.stop_outcome is None:
            attempt.stop_outcome, attempt.stop_reason = verdict.outcome, reason
        self._end_soon(record, attempt, reason, then)

    def _end_soon(self, record: JobRecord, attempt: AttemptRecord, reason: str, then: Callback | None) -> None:
        self._move(record, Trigger.STOP)
        ref = AttemptRef(record.id, attempt.number)

        def committed() -> None:
            self.executor.cancel(ref)
            if then is not None:
                then()

        self.journal.record(record, self._facts.stopping(record, attempt.number, reason), committed)
        # The record may have to wait for room, the user has not.
        self.journal.after_commit(FallbackListener(lambda: self.executor.cancel(ref)))
        self._changed(record)

    def _timed_out(self, record: JobRecord, timeout_s: float) -> None:
        self._stop(record, _took_too_long(timeout_s))

    def _too_late(self, record: JobRecord, verdict: Verdict) -> None:
        if record.status.state is JobState.QUEUED:
            self.gates.discard(record)
            self._end_job(record, verdict, None)
        else:
            self._stop(record, verdict)

    def _stalled(self, record: JobRecord, timeout_s: float) -> None:
        self._stop(record, Verdict(Outcome.STALLED, f"no sign of life for {timeout_s:g} s"))

    def _exited(self, record: JobRecord, attempt: AttemptRecord, end: ExitRecord) -> None:
        attempt.exit_code, attempt.signal = end.exit_code, end.signal
        if end.error is None:
            attempt.duration_s, attempt.usage = end.duration_s, end.usage
            attempt.started_at = attempt.started_at or end.started_at
        attempt.ended_at = end.ended_at
        if _was_cut_short(attempt, end) and not self._judge.is_reading(AttemptRef(record.id, attempt.number)):
            self._end_attempt(record, attempt, _verdict_of_stop(attempt, end, self.launcher.timeout_s(record)))
            return
        task = asyncio.get_running_loop().create_task(self._judge_and_end(record, attempt, end))
        self._judging.add(task)
        task.add_done_callback(self._judging.discard)

    async def _judge_and_end(self, record: JobRecord, attempt: AttemptRecord, end: ExitRecord) -> None:
        verdict = await self._judge.verdict(record, end)
        if _was_cut_short(attempt, end):
            verdict = _verdict_of_stop(attempt, end, self.launcher.timeout_s(record))
        self._end_attempt(record, attempt, bounds.named(verdict, end))

    def _never_started(self, record: JobRecord, attempt: AttemptRecord, reason: str) -> None:
        attempt.reason = reason
        if attempt.stop_outcome is not None:
            self._end_attempt(record, attempt, Verdict(attempt.stop_outcome, attempt.stop_reason))
            return
        tail = record.status.attempts[-MAX_FENCED:]
        if len(tail) == MAX_FENCED and all(each.started_at is None for each in tail):
            self._end_attempt(record, attempt, Verdict(Outcome.START_FAILED, reason))
            return
        self.ready.undo(record.id)
        self._renewal.put_back(record)
        self._requeue(record, Trigger.NEVER_STARTED, reason, None)
        self._enqueue(record, front=True)
        self.pump()

    def _end_attempt(self, record: JobRecord, attempt: AttemptRecord, verdict: Verdict) -> None:
        verdict = self._renewal.judged(record, verdict)
        attempt.outcome, attempt.reason = verdict.outcome, verdict.reason
        self.yielding.over(record.id)
        self.ready.release(record.id)
        reason = self._renewal.next_attempt(record, verdict)
        if reason is None:
            self._end_job(record, self._renewal.final(record, verdict), None)
        else:
            self._requeue(record, Trigger.REQUEUE, reason, None)
            self._enqueue(record)
        self.pump()

    def _end_job(self, record: JobRecord, verdict: Verdict, then: Callback | None) -> None:
        fate, attempt = record.status, record.attempt
        self._move(record, Trigger(OUTCOME_STATES[verdict.outcome].value))
        self._deadlines.watch(record)
        fate.outcome, fate.reason = verdict.outcome, verdict.reason
        fate.ended_at = attempt.ended_at if attempt and attempt.ended_at else time.time()
        if fate.state is JobState.COMPLETED and fate.progress is not None and fate.progress.total:
            total = fate.progress.total
            done = fate.progress.done if fate.progress.label == PLAN_LABEL else total
            fate.progress = Progress(percent=100, done=done, total=total, label=fate.progress.label)
        self.journal.record(record, self._facts.ended(record, attempt, verdict), then)
        self._changed(record)
        log.info("job_ended job=%s outcome=%s reason=%r", record.id, verdict.outcome, verdict.reason)
        for hear in self.ended:
            hear(record)
        self.retain()


def _was_cut_short(attempt: AttemptRecord, end: ExitRecord) -> bool:
    """True when we ended the attempt, and not only its process after its work was done."""
    return end.stopped and not (attempt.activity is not None and attempt.activity.lingered)


def _verdict_of_stop(attempt: AttemptRecord, end: ExitRecord, timeout_s: float | None) -> Verdict:
    """Of an attempt that was ended by us, or by a daemon that was killed before it could write down why."""
    paused_s = attempt.pauses.total_s if attempt.pauses is not None else 0.0
    if attempt.stop_outcome is None and timeout_s is not None and end.duration_s - paused_s >= timeout_s:
        return _took_too_long(timeout_s)
    return Verdict(attempt.stop_outcome or Outcome.CANCELLED, attempt.stop_reason or "cancelled")


def _took_too_long(timeout_s: float) -> Verdict:
    return Verdict(Outcome.TIMED_OUT, f"ran longer than its timeout of {timeout_s:g} s")
