"""New jobs: dispatched ones, one or many at once, imported ones, and those found after a damage of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from itertools import islice

from luzia_protocol.events import Dispatched
from luzia_protocol.jobs import LIST_TASK_CHARS, JobState

from luziad.jobs.environments import Environments
from luziad.jobs.observer import Observers
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.jobs.view import task_text
from luziad.journal.commit_listeners import AdoptedJobListener, NewJobListener
from luziad.journal.journal import CommitListener, Journal
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.transitions import Transitions

BATCH_SIZE = 250
"""The number of jobs that one turn of the event loop examines or queues: some milliseconds."""


class Admission:
    """Takes in new jobs."""

    def __init__(
        self,
        *,
        table: JobTable,
        journal: Journal,
        environments: Environments,
        transitions: Transitions,
        gates: Gates,
        ready: ReadyQueue,
        observers: Observers,
    ) -> None:
        self._table = table
        self._journal = journal
        self._environments = environments
        self._transitions = transitions
        self._gates = gates
        self._ready = ready
        self._observers = observers
        self._last_n = max((record.n for record in table.newest_first()), default=0)

    def next_n(self) -> int:
        """The number of the job that is dispatched next."""
        self._last_n += 1
        return self._last_n

    def accept(self, record: JobRecord, acceptance: CommitListener) -> None:
        """Take in a new job and queue it; `acceptance` hears when it is on disk, or that it cannot be."""
        self.add(record, acceptance)
        self._transitions.enqueue(record)
        self._observers.start_possible()

    def accept_all(self, records: Collection[JobRecord], acceptance: CommitListener) -> None:
        """Take in many new jobs with one commit, all or none, and queue some of them in each turn of the loop."""
        for record in records:
            record.n = self.next_n()  # others may have come since it was made
            self.add(record, acceptance)
        self._enqueue_batches(iter(records))

    def add(self, record: JobRecord, acceptance: CommitListener) -> None:
        """Take in a job without queueing it; `acceptance` hears as with `accept`."""
        self._table.add(record)
        self._journal.accept(record, self._dispatched(record), NewJobListener(record, acceptance, self._undo))
        self._observers.job_accepted(record)

    def adopt(self, record: JobRecord) -> None:
        """Take in a job that was found in its directory after the store was damaged."""
        event = self._dispatched(record)
        known = self._table.get(record.id)
        if known is None:
            self._table.add(record)
            self._journal.accept(record, event, AdoptedJobListener(record))
        else:
            before, known.status = known.status.state, record.status
            self._table.state_changed(known, before)
            self._journal.record(known, event)

    def _dispatched(self, record: JobRecord) -> Dispatched:
        return self._journal.events.dispatched(record, task_text(record)[:LIST_TASK_CHARS])

    def _enqueue_batches(self, records: Iterator[JobRecord]) -> None:
        """Queue the next batch, except the jobs that have changed since, and the others in later turns."""
        batch = list(islice(records, BATCH_SIZE))
        if not batch:
            return
        for record in batch:
            if (
                record.status.state is JobState.QUEUED
                and self._table.get(record.id) is record
                and not self._gates.has(record)
            ):
                self._transitions.enqueue(record)
        self._observers.start_possible()
        asyncio.get_running_loop().call_soon(self._enqueue_batches, records)

    def _undo(self, record: JobRecord) -> None:
        """Take back a job that could not be written to the store."""
        if record.status.state is JobState.QUEUED:
            self._gates.discard(record)
        elif not record.status.state.is_final:
            self._ready.release(record.id)
        self._table.remove(record)
        for number in (record.spec.env_set, record.spec.client_set):
            self._environments.release(number)
        self._observers.job_removed(record)
