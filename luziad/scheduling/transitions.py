"""Changes the state of a job, records it, and puts a queued job where it waits."""

from __future__ import annotations

import logging

from luzia_protocol.jobs import JobState

from luziad.jobs.attempt import AttemptRef
from luziad.jobs.lifecycle import Trigger, next_state
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.gates.gates import Gates

log = logging.getLogger("luziad.scheduler")


class Transitions:
    """The only part that changes a job's state."""

    def __init__(self, table: JobTable, journal: Journal, observers: Observers, gates: Gates) -> None:
        self._table = table
        self._journal = journal
        self._observers = observers
        self._gates = gates

    def move(self, record: JobRecord, trigger: Trigger) -> bool:
        """Change the state; False when the trigger changes nothing. Raises IllegalTransitionError."""
        before = record.status.state
        after = next_state(before, trigger)
        if after is None:
            return False
        record.status.state = after
        if not after.is_final:
            record.status.review = None  # what it does from now on has not been reviewed
        self._table.state_changed(record, before)
        return True

    def enqueue(self, record: JobRecord, *, front: bool = False) -> None:
        """Let a queued job wait, at a gate or for a slot. front: before all others, because it already had a slot."""
        self._observers.job_queued(record)
        self._gates.enter(record, front=front)

    def requeue(
        self,
        record: JobRecord,
        trigger: Trigger,
        reason: str,
        then: Callback | None = None,
        *,
        ending: AttemptRecord | None = None,
        front: bool = False,
        held_at: float | None = None,
    ) -> None:
        """Queue a job for another attempt; `then` is called once that is committed.

        ending: the attempt that ends. held_at: when the job was put on hold.
        """
        self.move(record, trigger)
        fate = record.status
        fate.progress = fate.outcome = fate.ended_at = fate.reason = None
        fate.held_at = held_at
        self._table.hold_changed(record)
        self.record_requeued(record, reason, then, ending)
        self.enqueue(record, front=front)

    def record_requeued(
        self, record: JobRecord, reason: str, then: Callback | None, ending: AttemptRecord | None = None
    ) -> None:
        """Record why the job waits for its next attempt. ending: the attempt that ends."""
        self._journal.record(record, self._journal.events.requeued(record, reason, ending), then)
        self._observers.job_changed(record)

    def current(self, ref: AttemptRef) -> tuple[JobRecord, AttemptRecord] | None:
        """The attempt that a report is about, None when it is not the job's newest or has ended."""
        record = self._table.get(ref.job)
        if record is None or record.attempt is None or record.attempt.number != ref.attempt:
            log.warning("report_of_unknown_attempt job=%s attempt=%d", ref.job, ref.attempt)
            return None
        if record.status.state.is_final or record.status.state is JobState.QUEUED:
            return None
        return record, record.attempt
