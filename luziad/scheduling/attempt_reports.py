"""Takes in what the executor and the readers of output report about attempts in progress."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

from luziad.attempts.progress import ProgressRecorder
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptEnd, AttemptRef
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.journal.journal import Journal
from luziad.scheduling.completion import Completion
from luziad.scheduling.shortage import Shortage
from luziad.scheduling.stopping import AttemptStopper
from luziad.scheduling.transitions import Transitions


@dataclass(eq=False)
class OutputReports:
    """What the readers of output report."""

    transitions: Transitions
    progress: ProgressRecorder
    stopper: AttemptStopper
    executor: Executor
    observers: Observers

    def output_understood(self, ref: AttemptRef, activity: Activity, progress: Progress | None) -> None:
        """The attempt's output tells this."""
        found = self.transitions.current(ref)
        if found is not None and self.progress.understood(*found, activity, progress):
            self.observers.output_understood(*found)

    def agent_finished(self, ref: AttemptRef) -> None:
        """The agent has told its final result: close its stdin, so that it exits."""
        self.executor.close_stdin(ref)

    def agent_lingers(self, ref: AttemptRef) -> None:
        """The agent does not exit after its final result: stop it, and judge it by that result."""
        found = self.transitions.current(ref)
        if found is None or found[1].activity is None or found[1].stop_outcome is not None:
            return
        record, attempt = found
        attempt.activity = msgspec.structs.replace(found[1].activity, lingered=True)
        attempt.stop_reason = "it continued after its final result"
        self.stopper.stop_process(record, attempt, attempt.stop_reason)


@dataclass(eq=False)
class ExecutorReports:
    """What the executor reports."""

    transitions: Transitions
    journal: Journal
    observers: Observers
    completion: Completion
    shortage: Shortage

    def attempt_started(self, ref: AttemptRef, pid: int, started_at: float, ran_s: float) -> None:
        """The agent is running."""
        found = self.transitions.current(ref)
        if found is None:
            return
        record, attempt = found
        attempt.pid = pid
        attempt.started_at = started_at
        if self.transitions.move(record, Trigger.STARTED):
            self.journal.record(record, self.journal.events.started(record, attempt.number, pid))
            self.observers.job_changed(record)
        self.observers.attempt_started(record, attempt, ran_s)

    def attempt_ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        """The attempt is over and its process tree is gone."""
        found = self.transitions.current(ref)
        if found is None:
            return
        record, attempt = found
        attempt.ended_at = time.time()  # until the record of the end says when
        self.observers.attempt_exited(record, attempt)
        self.completion.process_ended(record, attempt, end)

    def start_hindered(self, problem: str) -> None:
        """The machine lacks something for attempts."""
        self.shortage.report(problem)
