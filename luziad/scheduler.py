"""The only writer: something happens -> lifecycle -> journal -> ready queue -> executor.

All of it runs on the event loop and none of it waits. A job is changed in memory first and recorded in the same
step; the executor hears of an attempt, and a client of its answer, when the journal has committed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import LIST_TASK_CHARS, OUTCOME_STATES, JobState, Outcome, Progress

from luziad import bounds
from luziad.acceptance import Accepting, Adopting, Anyway
from luziad.again import Renewal
from luziad.agents.base import Verdict
from luziad.breaches import Breaches
from luziad.core.activity import PLAN
from luziad.core.attempts import AttemptEnd, AttemptRef, Exited, NeverStarted
from luziad.core.dependencies import After
from luziad.core.environments import Environments
from luziad.core.lifecycle import Trigger, move
from luziad.core.ready import ReadyQueue
from luziad.core.record import AttemptRecord, JobRecord, JobSpec
from luziad.core.table import JobTable
from luziad.deadlines import Deadlines
from luziad.executor.base import Executor
from luziad.facts import Facts
from luziad.gates import Gates
from luziad.journal import Acceptance, Journal, Then
from luziad.launching import Launcher
from luziad.machine import Machine
from luziad.pausing import Pausing
from luziad.policies import Policies
from luziad.progressing import Progressing
from luziad.questions import Questions
from luziad.timeouts import Timeouts
from luziad.view import task_text
from luziad.watch.stall import StallWatch
from luziad.worktrees import Worktrees

log = logging.getLogger("luziad.scheduler")

MAX_FENCED = 3
"""Attempts in a row that were fenced before they started, until the job fails."""


class Judge(Protocol):
    """Reads what an attempt writes, and says how it ended."""

    def begin(self, record: JobRecord) -> None: ...

    def is_reading(self, ref: AttemptRef) -> bool: ...

    def give_up(self, ref: AttemptRef) -> None: ...

    async def verdict(self, record: JobRecord, end: Exited) -> Verdict: ...


class Scheduler:
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
        questions.move, questions.changed = self._move, changed
        self._judge = judge
        self._stalls = stalls
        self._stalls.stalled = self._stalled
        self._changed = changed
        self._facts = Facts(journal)
        self._progressing = Progressing(journal, self._facts, changed)
        self._timeouts = Timeouts(self._timed_out)
        self.pausing = Pausing(self, journal, self._facts, executor, self._timeouts)
        self._deadlines = Deadlines(self._too_late)
        self.machine = Machine(launcher.config.daemon, self.pump)
        self.gates = Gates(ready, self.pump, self.machine)
        self._renewal = Renewal(Policies(launcher), self.gates.admit)
        self.gates.add(self._renewal.limits)
        self._breaches = Breaches(self._stop)
        self.ended: list[Callable[[JobRecord], None]] = []  # who hears of every job that is final
        self._judging: set[asyncio.Task[None]] = set()
        self._stopped = False

        self._last_n = max((record.n for record in table.newest_first()), default=0)

    # ------------------------------------------------------------------ what clients ask

    def next_n(self) -> int:
        """The number of the job that is dispatched next."""
        self._last_n += 1
        return self._last_n

    def accept(self, record: JobRecord, asked: Acceptance) -> None:
        """Take in a new job; `asked` hears when it is on disk, or that it cannot be."""
        self.table.add(record)
        event = self._facts.dispatched(record, task_text(record)[:LIST_TASK_CHARS])
        self.journal.accept(record, event, Accepting(record, asked, self._undo))
        self._enqueue(record)
        self.pump()

    def take_in(self, record: JobRecord, asked: Acceptance) -> None:
        """Take in a final job of another luzia; `asked` hears as with `accept`."""
        self.table.add(record)
        event = self._facts.dispatched(record, task_text(record)[:LIST_TASK_CHARS])
        self.journal.accept(record, event, Accepting(record, asked, self._undo))

    def cancel(self, record: JobRecord, then: Then) -> None:
        """End the job. Raises Refused when it is final already."""
        state = record.fate.state
        if state.is_final:
            raise Refused(ErrorCode.JOB_FINAL, f"job {record.id} is {state} already")
        if state is JobState.QUEUED:
            self.gates.discard(record)
            self._end_job(record, Verdict(Outcome.CANCELLED, "cancelled before it started"), then)
        else:
            self._stop(record, Verdict(Outcome.CANCELLED, "cancelled"), then)

    def skip(self, record: JobRecord, reason: str) -> None:
        """End a queued job that can never run."""
        self.gates.discard(record)
        self._end_job(record, Verdict(Outcome.SKIPPED, reason), None)

    def retry(self, record: JobRecord, then: Then, *, fresh: bool = False) -> None:
        """Queue a final job again, or start one at once that waits for a moment. Raises Refused for others.

        fresh: the task runs from the start; otherwise an agent goes on with its session, unless it had completed.
        """
        if self._renewal.at_once(record):
            self._record_requeued(record, "at once", then)
            self.gates.ask_again(record)
            return
        if not record.fate.state.is_final:
            raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {record.id} is {record.fate.state}")
        fresh = fresh or record.fate.state is JobState.COMPLETED
        self._renewal.asked_anew(record, None if fresh else self._renewal.going_on(record))
        self._requeue(record, Trigger.RETRY, "retry", then)
        self._enqueue(record)
        self.pump()

    def send(self, record: JobRecord, message: str, then: Then) -> None:
        """Say more in the job's conversation, after its attempt or at once. Raises Refused when its agent cannot."""
        given = self._renewal.send(record, message)
        attempt = record.attempt.number if record.attempt else 0
        self.journal.record(record, self._facts.sent(record, attempt, message[:LIST_TASK_CHARS]), then)
        if given is not None:
            self._renewal.asked_anew(record, given)
            self._requeue(record, Trigger.RETRY, "follow-up", None)
            self._enqueue(record)
            self.pump()

    def edit(self, record: JobRecord, spec: JobSpec, after: After | None, then: Then) -> None:
        """Change what a queued job is to do, its priority, and what it comes after."""
        moved, record.spec = after != record.fate.after, spec
        record.fate.after = after
        self.journal.rewrite(record, self._facts.edited(record), then)
        if moved:
            self.gates.ask_again(record)
        elif record.id in self.ready.waiting:
            self.ready.reprioritise(record.id, record.wants.priority)
        self._changed(record)

    def remove(self, record: JobRecord, then: Then | None = None) -> None:
        """Forget a final job with its directory. Raises Refused when it is not final."""
        if not record.fate.state.is_final:
            raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {record.id} is {record.fate.state}")
        self.table.remove(record)
        sets = (record.spec.env_set, record.spec.client_set)
        dropped = [number for number in sets if self.environments.release(number)]

        def committed() -> None:
            self.executor.forget(record.id)
            if then is not None:
                then()

        self.journal.forget(record, self._facts.removed(record), dropped, committed)

    def retain(self) -> None:
        """Forget the finished jobs beyond `max_jobs`, those that ended first; live ones never."""
        for old in self.table.oldest_final(self.max_jobs):
            self.remove(old)

    def progress(self, record: JobRecord, progress: Progress, then: Then) -> None:
        """Record how far the running attempt is. Raises Refused when none runs."""
        attempt = record.attempt
        if attempt is None or record.fate.state.is_final or record.fate.state is JobState.QUEUED:
            raise Refused(ErrorCode.JOB_NOT_RUNNING, f"job {record.id} is {record.fate.state}")
        self._stalls.heard(AttemptRef(record.id, attempt.number))
        self._progressing.reported(record, attempt, progress, then)

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
        self._timeouts.arm(record, attempt, self.launcher.timeout_s(record), ran_s)
        self._stalls.arm(record, attempt)
        self._judge.begin(record)

    def understood(self, ref: AttemptRef, activity: Activity, progress: Progress | None) -> None:
        """The attempt's output tells more than was known."""
        found = self._current(ref)
        if found is not None and self._progressing.understood(*found, activity, progress):
            self._breaches.look(*found)
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
        if isinstance(end, NeverStarted) and attempt.started_at is None:
            self._never_started(record, attempt, end.reason)
        elif isinstance(end, Exited):
            self._exited(record, attempt, end)
        else:
            deleted = isinstance(end, NeverStarted)  # and yet it had started
            reason = "its directory was deleted while it ran" if deleted else end.reason
            self._judge.give_up(ref)
            self._end_attempt(record, attempt, Verdict(Outcome.LOST, reason))

    # ------------------------------------------------------------------ starting

    def pump(self) -> None:
        """Start every job that can start now."""
        if self._stopped or self.journal.failure is not None:
            return
        if self.ready.could_start and self.machine.busy():
            return
        while (job := self.ready.pop(time.monotonic())) is not None:
            record = self.table.get(job)
            assert record is not None, "a job in the ready queue is in the table"
            if self.gates.caught(record):
                self.ready.undo(job)
            else:
                self._start(record)

    def adopt(self, record: JobRecord) -> None:
        """Take in a job that was found in its directory after the store was damaged."""
        event = self._facts.dispatched(record, task_text(record)[:LIST_TASK_CHARS])
        known = self.table.get(record.id)
        if known is None:
            self.table.add(record)
            self.journal.accept(record, event, Adopting(record))
        else:
            before, known.fate = known.fate.state, record.fate
            self.table.moved(known, before)
            self.journal.record(known, event)

    def resume(self) -> None:
        """After a start of the daemon: queue what waits, and find out what became of what ran."""
        for record in reversed(list(self.table.newest_first())):
            if record.fate.state is JobState.QUEUED:
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
                self.executor.end(ref)
        self.retain()
        self.pump()

    async def stop(self) -> None:
        """Start nothing any more, and finish judging what has ended."""
        self._stopped = True
        self._timeouts.close()
        self._deadlines.close()
        self._renewal.limits.close()
        self._stalls.close()
        self.machine.close()
        await self.worktrees.close()
        if self._judging:
            await asyncio.wait(self._judging)

    def _start(self, record: JobRecord) -> None:
        self._move(record, Trigger.GRANTED)
        number = record.attempt.number + 1 if record.attempt else 1
        started = AttemptRecord(number, time.time(), given=self._renewal.taken(record))
        record.fate.attempts = (*record.fate.attempts, started)
        record.fate.reason = None
        self._deadlines.watch(record)
        self.journal.record(record, self._facts.starting(record, number), lambda: self._launch(record))

    def _launch(self, record: JobRecord) -> None:
        attempt = record.attempt
        assert attempt is not None
        self._changed(record)
        if record.wants_tree:
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

    # ------------------------------------------------------------------ ending

    def _stop(self, record: JobRecord, verdict: Verdict, then: Then | None = None) -> None:
        """Ask for the end of the attempt under way; the verdict is what it will have been."""
        attempt = record.attempt
        assert attempt is not None
        reason = verdict.reason or ""
        if attempt.stop_outcome is None:
            attempt.stop_outcome, attempt.stop_reason = verdict.outcome, reason
        self._end_soon(record, attempt, reason, then)

    def _end_soon(self, record: JobRecord, attempt: AttemptRecord, reason: str, then: Then | None) -> None:
        self._move(record, Trigger.STOP)
        ref = AttemptRef(record.id, attempt.number)

        def committed() -> None:
            self.executor.end(ref)
            if then is not None:
                then()

        self.journal.record(record, self._facts.stopping(record, attempt.number, reason), committed)
        # The record may have to wait for room, the user has not.
        self.journal.after_commit(Anyway(lambda: self.executor.end(ref)))
        self._changed(record)

    def _timed_out(self, record: JobRecord, timeout_s: float) -> None:
        self._stop(record, _took_too_long(timeout_s))

    def _too_late(self, record: JobRecord, verdict: Verdict) -> None:
        if record.fate.state is JobState.QUEUED:
            self.gates.discard(record)
            self._end_job(record, verdict, None)
        else:
            self._stop(record, verdict)

    def _stalled(self, record: JobRecord, timeout_s: float) -> None:
        self._stop(record, Verdict(Outcome.STALLED, f"no sign of life for {timeout_s:g} s"))

    def _exited(self, record: JobRecord, attempt: AttemptRecord, end: Exited) -> None:
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

    async def _judge_and_end(self, record: JobRecord, attempt: AttemptRecord, end: Exited) -> None:
        verdict = await self._judge.verdict(record, end)
        if _was_cut_short(attempt, end):
            verdict = _verdict_of_stop(attempt, end, self.launcher.timeout_s(record))
        self._end_attempt(record, attempt, bounds.named(verdict, end))

    def _never_started(self, record: JobRecord, attempt: AttemptRecord, reason: str) -> None:
        attempt.reason = reason
        if attempt.stop_outcome is not None:
            self._end_attempt(record, attempt, Verdict(attempt.stop_outcome, attempt.stop_reason))
            return
        tail = record.fate.attempts[-MAX_FENCED:]
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
        self.ready.release(record.id)
        reason = self._renewal.next_attempt(record, verdict)
        if reason is None:
            self._end_job(record, self._renewal.final(record, verdict), None)
        else:
            self._requeue(record, Trigger.AGAIN, reason, None)
            self._enqueue(record)
        self.pump()

    def _end_job(self, record: JobRecord, verdict: Verdict, then: Then | None) -> None:
        fate, attempt = record.fate, record.attempt
        self._move(record, Trigger(OUTCOME_STATES[verdict.outcome].value))
        self._deadlines.watch(record)
        fate.outcome, fate.reason = verdict.outcome, verdict.reason
        fate.ended_at = attempt.ended_at if attempt and attempt.ended_at else time.time()
        if fate.state is JobState.COMPLETED and fate.progress is not None and fate.progress.total:
            total = fate.progress.total
            done = fate.progress.done if fate.progress.label == PLAN else total
            fate.progress = Progress(percent=100, done=done, total=total, label=fate.progress.label)
        self.journal.record(record, self._facts.ended(record, attempt, verdict), then)
        self._changed(record)
        log.info("job_ended job=%s outcome=%s reason=%r", record.id, verdict.outcome, verdict.reason)
        for hear in self.ended:
            hear(record)
        self.retain()

    # ------------------------------------------------------------------ small change

    def _enqueue(self, record: JobRecord, *, front: bool = False) -> None:
        """Every job that is queued comes by here: it waits at a gate, or for a slot."""
        self._deadlines.watch(record)
        self._renewal.queued(record)
        self.gates.enter(record, front=front)

    def _requeue(self, record: JobRecord, trigger: Trigger, reason: str, then: Then | None) -> None:
        self._move(record, trigger)
        record.fate.progress = record.fate.outcome = record.fate.ended_at = record.fate.reason = None
        self._record_requeued(record, reason, then)

    def _record_requeued(self, record: JobRecord, reason: str, then: Then | None) -> None:
        attempt = record.attempt.number if record.attempt else 0
        self.journal.record(record, self._facts.requeued(record, attempt, reason), then)
        self._changed(record)

    def moved(self, record: JobRecord, trigger: Trigger) -> None:
        """Change the state for a part of this one, and let it be seen."""
        self._move(record, trigger)
        self._changed(record)

    def _move(self, record: JobRecord, trigger: Trigger) -> bool:
        """Change the state; False when the trigger changes nothing."""
        before = record.fate.state
        after = move(before, trigger)
        if after is None:
            return False
        record.fate.state = after
        self.table.moved(record, before)
        return True

    def _current(self, ref: AttemptRef) -> tuple[JobRecord, AttemptRecord] | None:
        """The attempt that news is about, None when it is not the job's newest or is over."""
        record = self.table.get(ref.job)
        if record is None or record.attempt is None or record.attempt.number != ref.attempt:
            log.warning("news_of_unknown_attempt job=%s attempt=%d", ref.job, ref.attempt)
            return None
        if record.fate.state.is_final or record.fate.state is JobState.QUEUED:
            return None
        return record, record.attempt

    def _undo(self, record: JobRecord) -> None:
        """Take back a job whose acceptance could not be committed."""
        if record.fate.state is JobState.QUEUED:
            self.gates.discard(record)
        elif not record.fate.state.is_final:
            self.ready.release(record.id)
        self._deadlines.forget(record)
        self.table.remove(record)
        for number in (record.spec.env_set, record.spec.client_set):
            self.environments.release(number)


def _was_cut_short(attempt: AttemptRecord, end: Exited) -> bool:
    """True when we ended the attempt, and not only its process after its work was done."""
    return end.stopped and not (attempt.activity is not None and attempt.activity.lingered)


def _verdict_of_stop(attempt: AttemptRecord, end: Exited, timeout_s: float | None) -> Verdict:
    """Of an attempt that was ended by us, or by a daemon that was killed before it could write down why."""
    if attempt.stop_outcome is None and timeout_s is not None and end.duration_s >= timeout_s:
        return _took_too_long(timeout_s)
    return Verdict(attempt.stop_outcome or Outcome.CANCELLED, attempt.stop_reason or "cancelled")


def _took_too_long(timeout_s: float) -> Verdict:
    return Verdict(Outcome.TIMED_OUT, f"ran longer than its timeout of {timeout_s:g} s")
