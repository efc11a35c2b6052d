"""Stops attempts in progress."""

from __future__ import annotations

import logging

from luziad.errors import StorageError
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.journal import NULL_LISTENER, Callback, Journal
from luziad.scheduling.transitions import Transitions

log = logging.getLogger("luziad.acceptance")


class AttemptStopper:
    """Records that an attempt has to end, and then tells the executor."""

    def __init__(self, transitions: Transitions, journal: Journal, executor: Executor, observers: Observers) -> None:
        self._transitions = transitions
        self._journal = journal
        self._executor = executor
        self._observers = observers

    def stop(self, record: JobRecord, verdict: Verdict, then: Callback | None = None) -> None:
        """End the attempt in progress with this verdict, unless an earlier stop has given it another one."""
        attempt = record.attempt
        assert attempt is not None
        reason = verdict.reason or ""
        if attempt.stop_outcome is None:
            attempt.stop_outcome, attempt.stop_reason = verdict.outcome, reason
        self.stop_process(record, attempt, reason, then)

    def stop_process(
        self, record: JobRecord, attempt: AttemptRecord, reason: str, then: Callback | None = None
    ) -> None:
        """End the attempt's processes; its output decides about the outcome, unless `stop` has done so."""
        self._transitions.move(record, Trigger.STOP)
        ref = AttemptRef(record.id, attempt.number)

        def committed() -> None:
            self._executor.cancel(ref)
            if then is not None:
                then()

        def not_committed(error: StorageError) -> None:
            log.warning("done_before_commit error=%s", error)
            self._executor.cancel(ref)

        self._journal.record(record, self._journal.events.stopping(record, attempt.number, reason), committed)
        # The event may have to wait until the store can be written; the end of the attempt does not.
        self._journal.after_commit(NULL_LISTENER._replace(refused=not_committed))
        self._observers.job_changed(record)
