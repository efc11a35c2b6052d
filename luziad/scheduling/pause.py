"""Pauses and resumes running attempts. The event is recorded first, so that a crash of the daemon loses neither."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from luzia_protocol.errors import ErrorCode
from luzia_protocol.events import Paused, Resumed
from luzia_protocol.jobs import JobState

from luziad.executor.base import Executor
from luziad.jobs.attempt import NO_PAUSES, AttemptRef
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.refusals import PAUSE, RESUME, attached_refusal, is_attached, wrong_state
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.deadlines.timeouts import Timeouts
from luziad.scheduling.transitions import Transitions


@dataclass(eq=False)
class PauseControl(JobObserver):
    """Pauses and resumes one job."""

    transitions: Transitions
    journal: Journal
    executor: Executor
    timeouts: Timeouts
    observers: Observers

    def pause(self, record: JobRecord, then: Callback) -> None:
        """Suspend the job's processes until it is resumed; harmless when it is paused already. Raises Refused.

        An attempt that is about to start is paused as soon as it is running.
        """
        attempt, ref = _in_progress(record, PAUSE)
        attempt.pauses = (attempt.pauses or NO_PAUSES).begin(time.monotonic())
        if record.status.state is JobState.STARTING:
            self.journal.record(record, self.journal.events.of_attempt(Paused, record, attempt.number), then)
            return
        self.timeouts.hold(ref)

        def committed() -> None:
            self.executor.pause(ref)
            then()

        self._move(record, Trigger.PAUSE)
        self.journal.record(record, self.journal.events.of_attempt(Paused, record, attempt.number), committed)

    def resume(self, record: JobRecord, then: Callback) -> None:
        """Resume the job's processes; harmless when they are running. Raises Refused."""
        attempt, ref = _in_progress(record, RESUME)
        if record.status.state is JobState.STARTING:
            attempt.pauses = None
            self.journal.record(record, self.journal.events.of_attempt(Resumed, record, attempt.number), then)
            return
        attempt.pauses = (attempt.pauses or NO_PAUSES).end(time.monotonic())

        def committed() -> None:
            self.executor.resume(ref)
            self.timeouts.resume(ref)
            then()

        self._move(record, Trigger.RESUME)
        self.journal.record(record, self.journal.events.of_attempt(Resumed, record, attempt.number), committed)
        self.observers.start_possible()  # its sub-jobs may start again

    def is_paused(self, record: JobRecord) -> bool:
        """Whether the job is paused, or will be as soon as it is running."""
        attempt, state = record.attempt, record.status.state
        will_be = attempt is not None and attempt.pauses is not None
        return state is JobState.PAUSED or (state is JobState.STARTING and will_be)

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """Pause the attempt, if that was requested before it was running."""
        if (
            record.status.state is JobState.RUNNING
            and attempt.pauses is not None
            and attempt.pauses.since_s is not None
        ):
            attempt.pauses = None
            self.pause(record, lambda: None)

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Repeat the last request to the executor, which a crash may have lost."""
        if attempt.pauses is None:
            return
        ref = AttemptRef(record.id, attempt.number)
        if record.status.state is JobState.PAUSED:
            self.executor.pause(ref)
        elif record.status.state is JobState.RUNNING:
            self.executor.resume(ref)

    def _move(self, record: JobRecord, trigger: Trigger) -> None:
        self.transitions.move(record, trigger)
        self.observers.job_changed(record)


def _in_progress(record: JobRecord, hints: Mapping[JobState, str]) -> tuple[AttemptRecord, AttemptRef]:
    attempt, state = record.attempt, record.status.state
    if is_attached(record):
        raise attached_refusal(record)
    if attempt is None or state not in (JobState.STARTING, JobState.RUNNING, JobState.PAUSED):
        raise wrong_state(record, ErrorCode.JOB_NOT_RUNNING, hints)
    return attempt, AttemptRef(record.id, attempt.number)
