"""New jobs: dispatched ones, imported ones, and those found after a damage of the store."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec

from luzia_protocol.events import Dispatched
from luzia_protocol.jobs import LIST_TASK_CHARS, JobState

from luziad.errors import StorageError
from luziad.jobs.abridging import KEPT_BYTES, abridge, measure
from luziad.jobs.environments import Environments
from luziad.jobs.observer import Observers
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.jobs.view import task_text
from luziad.journal.journal import CommitCallbacks, CommitListener, Journal
from luziad.log import EventLog
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.transitions import Transitions

log = logging.getLogger("luziad.acceptance")
events = EventLog("luziad.acceptance")


@dataclass(kw_only=True, eq=False)
class Admission:
    """Takes in new jobs."""

    table: JobTable
    journal: Journal
    environments: Environments
    transitions: Transitions
    gates: Gates
    ready: ReadyQueue
    observers: Observers

    def __post_init__(self) -> None:
        self._last_n = max((record.n for record in self.table.newest_first()), default=0)

    def next_n(self) -> int:
        """The number of the job that is dispatched next."""
        self._last_n += 1
        return self._last_n

    def accept(self, record: JobRecord, acceptance: CommitListener) -> None:
        """Take in a new job and queue it; `acceptance` hears when it is on disk, or that it cannot be."""
        self.add(record, acceptance)
        self.transitions.enqueue(record)
        self.observers.start_possible()

    def add(self, record: JobRecord, acceptance: CommitListener) -> None:
        """Take in a job without queueing it; `acceptance` hears as with `accept`."""
        record.size += measure(record)
        self.table.add(record)
        self.journal.accept(record, self._dispatched(record), _Acceptance(record, acceptance, self))
        self.observers.job_accepted(record)
        spec = record.spec
        events.info(f"job_dispatched job={record.id} project={spec.project} agent={spec.agent} uid={spec.uid}")

    def adopt(self, record: JobRecord) -> None:
        """Take in a job that was found in its directory after the store was damaged."""
        event = self._dispatched(record)
        known = self.table.get(record.id)
        if known is None:
            record.size = measure(record)
            self.table.add(record)

            def adopted() -> None:
                self.stored(record)
                log.info("job_adopted job=%s state=%s", record.id, record.status.state)

            listener = CommitCallbacks(
                adopted,
                lambda error: log.error("job_not_adopted job=%s error=%s", record.id, error),
            )
            self.journal.accept(record, event, listener)
        else:
            before, known.status = known.status.state, record.status
            self.table.state_changed(known, before)
            self.journal.record(known, event)

    def _dispatched(self, record: JobRecord) -> Dispatched:
        return self.journal.events.dispatched(record, task_text(record)[:LIST_TASK_CHARS])

    def stored(self, record: JobRecord) -> None:
        """A large job is on disk: keep the beginning of it in memory."""
        abridge(record)
        self.environments.written(record.spec.env_set, record.spec.client_set)

    def undo(self, record: JobRecord) -> None:
        """Take back a job that could not be written to the store."""
        if record.status.state is JobState.QUEUED:
            self.gates.discard(record)
        elif not record.status.state.is_final:
            self.ready.release(record.id)
        self.table.remove(record)
        for number in (record.spec.env_set, record.spec.client_set):
            self.environments.release(number)
        self.observers.job_removed(record)


class _Acceptance(msgspec.Struct, gc=False, eq=False):
    """Hears whether a new job is on disk, and then tells the one who dispatched it."""

    record: JobRecord
    listener: CommitListener
    admission: Admission

    def committed(self) -> None:
        self.record.durable = True
        if self.record.size > KEPT_BYTES:
            self.admission.stored(self.record)
        self.listener.committed()

    def refused(self, error: StorageError) -> None:
        self.admission.undo(self.record)
        self.listener.refused(error)
