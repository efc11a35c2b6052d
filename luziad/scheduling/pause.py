"""Pauses and resumes running attempts. The record comes first, so that a crash of the daemon changes neither."""

from __future__ import annotations

import time
from typing import Protocol

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Paused, Resumed
from luzia_protocol.jobs import JobState

from luziad.executor.base import Executor
from luziad.jobs.attempt import NO_PAUSES, AttemptRef
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.events import EventFactory
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.deadlines.timeouts import Timeouts


class Jobs(Protocol):
    """Moves a job to another state, and starts what can start; the scheduler."""

    def moved(self, record: JobRecord, trigger: Trigger) -> None: ...

    def pump(self) -> None: ...


class Pausing:
    """What `pause` and `resume` do to one job."""

    def __init__(
        self, jobs: Jobs, journal: Journal, facts: EventFactory, executor: Executor, timeouts: Timeouts
    ) -> None:
        self._jobs = jobs
        self._journal = journal
        self._facts = facts
        self._executor = executor
        self._timeouts = timeouts

    def pause(self, record: JobRecord, then: Callback) -> None:
        """Let nothing of the job run until it is resumed; asking twice is harmless. Raises Refused.

        An attempt that is about to start is paused as soon as it runs.
        """
        attempt, ref = _under_way(record)
        attempt.pauses = (attempt.pauses or NO_PAUSES).begin(time.monotonic())
        if record.status.state is JobState.STARTING:
            self._journal.record(record, self._facts.of_attempt(Paused, record, attempt.number), then)
            return
        self._timeouts.hold(ref)

        def committed() -> None:
            self._executor.pause(ref)
            then()

        self._jobs.moved(record, Trigger.PAUSE)
        self._journal.record(record, self._facts.of_attempt(Paused, record, attempt.number), committed)

    def resume(self, record: JobRecord, then: Callback) -> None:
        """Let it run on; harmless when it does. Raises Refused."""
        attempt, ref = _under_way(record)
        if record.status.state is JobState.STARTING:
            attempt.pauses = None
            self._journal.record(record, self._facts.of_attempt(Resumed, record, attempt.number), then)
            return
        attempt.pauses = (attempt.pauses or NO_PAUSES).end(time.monotonic())

        def committed() -> None:
            self._executor.resume(ref)
            self._timeouts.go_on(ref)
            then()

        self._jobs.moved(record, Trigger.RESUME)
        self._journal.record(record, self._facts.of_attempt(Resumed, record, attempt.number), committed)
        self._jobs.pump()  # its sub-jobs go on with it

    def is_paused(self, record: JobRecord) -> bool:
        """Whether the job is paused, or will be as soon as it runs."""
        attempt, state = record.attempt, record.status.state
        asked = attempt is not None and attempt.pauses is not None
        return state is JobState.PAUSED or (state is JobState.STARTING and asked)

    def started(self, record: JobRecord) -> None:
        """The attempt runs: pause it, if that was asked for before."""
        attempt = record.attempt
        if attempt is not None and attempt.pauses is not None:
            attempt.pauses = None
            self.pause(record, lambda: None)

    def repeat(self, record: JobRecord) -> None:
        """After a start of the daemon: tell the attempt again what a crash may have kept from it."""
        attempt = record.attempt
        if attempt is None or attempt.pauses is None:
            return
        ref = AttemptRef(record.id, attempt.number)
        if record.status.state is JobState.PAUSED:
            self._executor.pause(ref)
        elif record.status.state is JobState.RUNNING:
            self._executor.resume(ref)


def _under_way(record: JobRecord) -> tuple[AttemptRecord, AttemptRef]:
    attempt, state = record.attempt, record.status.state
    if attempt is None or state not in (JobState.STARTING, JobState.RUNNING, JobState.PAUSED):
        raise Refused(ErrorCode.JOB_NOT_RUNNING, f"job {record.id} is {state}")
    return attempt, AttemptRef(record.id, attempt.number)
