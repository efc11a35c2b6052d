"""Stops attempts in progress."""

from __future__ import annotations

import logging
from collections.abc import Callable

from luzia_protocol.jobs import JobState

from luziad.errors import StorageError
from luziad.executor.attached import AttachedProcesses
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.journal import NULL_LISTENER, Callback, Journal
from luziad.scheduling.transitions import Transitions

log = logging.getLogger("luziad.acceptance")


class AttemptStopper:
    """Records that an attempt has to end, and then tells the executor, or the process in whose terminal it is.

    grace_s: how long that process gets for a job's attempt.
    """

    def __init__(
        self,
        transitions: Transitions,
        journal: Journal,
        executor: Executor,
        attached: AttachedProcesses,
        grace_s: Callable[[JobRecord], float],
        observers: Observers,
    ) -> None:
        self._transitions = transitions
        self._journal = journal
        self._executor = executor
        self._attached = attached
        self._grace_s = grace_s
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
            self._end(record, attempt, ref)
            if then is not None:
                then()

        def not_committed(error: StorageError) -> None:
            log.warning("done_before_commit error=%s", error)
            self._end(record, attempt, ref)

        self._journal.record(record, self._journal.events.stopping(record, attempt.number, reason), committed)
        # The event may have to wait until the store can be written; the end of the attempt does not.
        self._journal.after_commit(NULL_LISTENER._replace(refused=not_committed))
        self._observers.job_changed(record)

    def _end(self, record: JobRecord, attempt: AttemptRecord, ref: AttemptRef) -> None:
        if attempt.attached is None:
            self._executor.cancel(ref)
        else:
            self._attached.stop(ref, self._grace_s(record))


def is_live(record: JobRecord) -> bool:
    """Whether the job has not ended and is not being stopped for another reason."""
    if record.status.state is JobState.STOPPING and record.attempt is not None:
        return record.attempt.stop_outcome is None
    return not record.status.state.is_final
