"""What every part of the scheduler does with a job: change its state, queue it, forget it, and record all that.

The scheduler is written in four layers, each of which knows those before it: this one, endings.py, intake.py,
scheduler.py.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.environments import Environments
from luziad.jobs.lifecycle import Trigger, next_state
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.journal.events import EventFactory
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.deadlines.deadlines import Deadlines
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retry.next_attempt import Renewal

log = logging.getLogger("luziad.scheduler")


class Moves(ABC):
    """The first layer of the scheduler, which sets these attributes."""

    table: JobTable
    ready: ReadyQueue
    journal: Journal
    executor: Executor
    environments: Environments
    gates: Gates
    max_jobs: int
    _changed: Callable[[JobRecord], None]
    _facts: EventFactory
    _deadlines: Deadlines
    _renewal: Renewal

    @abstractmethod
    def pump(self) -> None:
        """Start every job that can start now."""

    def remove(self, record: JobRecord, then: Callback | None = None) -> None:
        """Forget a final job with its directory. Raises Refused when it is not final."""
        if not record.status.state.is_final:
            raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {record.id} is {record.status.state}")
        self.table.remove(record)
        sets = (record.spec.env_set, record.spec.client_set)
        dropped = [number for number in sets if self.environments.release(number)]

        def committed() -> None:
            self.executor.delete_job(record.id)
            if then is not None:
                then()

        self.journal.remove(record, self._facts.removed(record), dropped, committed)

    def retain(self) -> None:
        """Forget the finished jobs beyond `max_jobs`, those that ended first; live ones never."""
        for old in self.table.oldest_final(self.max_jobs):
            self.remove(old)

    def _enqueue(self, record: JobRecord, *, front: bool = False) -> None:
        """Every job that is queued comes by here: it waits at a gate, or for a slot."""
        self._deadlines.watch(record)
        self._renewal.queued(record)
        self.gates.enter(record, front=front)

    def _requeue(self, record: JobRecord, trigger: Trigger, reason: str, then: Callback | None) -> None:
        self._move(record, trigger)
        fate = record.status
        fate.progress = fate.outcome = fate.ended_at = fate.reason = fate.held_at = None
        self._record_requeued(record, reason, then)

    def _record_requeued(self, record: JobRecord, reason: str, then: Callback | None) -> None:
        attempt = record.attempt.number if record.attempt else 0
        self.journal.record(record, self._facts.requeued(record, attempt, reason), then)
        self._changed(record)

    def moved(self, record: JobRecord, trigger: Trigger) -> None:
        """Change the state for a part of this one, and let it be seen."""
        self._move(record, trigger)
        self._changed(record)

    def _move(self, record: JobRecord, trigger: Trigger) -> bool:
        """Change the state; False when the trigger changes nothing."""
        before = record.status.state
        after = next_state(before, trigger)
        if after is None:
            return False
        record.status.state = after
        self.table.state_changed(record, before)
        return True

    def _current(self, ref: AttemptRef) -> tuple[JobRecord, AttemptRecord] | None:
        """The attempt that news is about, None when it is not the job's newest or is over."""
        record = self.table.get(ref.job)
        if record is None or record.attempt is None or record.attempt.number != ref.attempt:
            log.warning("news_of_unknown_attempt job=%s attempt=%d", ref.job, ref.attempt)
            return None
        if record.status.state.is_final or record.status.state is JobState.QUEUED:
            return None
        return record, record.attempt

    def _undo(self, record: JobRecord) -> None:
        """Take back a job whose acceptance could not be committed."""
        if record.status.state is JobState.QUEUED:
            self.gates.discard(record)
        elif not record.status.state.is_final:
            self.ready.release(record.id)
        self._deadlines.forget(record)
        self.table.remove(record)
        for number in (record.spec.env_set, record.spec.client_set):
            self.environments.release(number)
