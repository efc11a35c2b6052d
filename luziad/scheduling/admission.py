"""New jobs: those that are dispatched, one or many at once, those of another luzia, and those that are found again."""

from __future__ import annotations

from collections.abc import Collection

from luzia_protocol.jobs import LIST_TASK_CHARS, JobState

from luziad.jobs.record import JobRecord
from luziad.jobs.view import task_text
from luziad.journal.commit_listeners import AdoptedJobListener, NewJobListener
from luziad.journal.journal import CommitListener
from luziad.scheduling.completion import Endings
from luziad.scheduling.slices import in_turns


class Intake(Endings):
    """The third layer of the scheduler, which sets these attributes."""

    _last_n: int

    def next_n(self) -> int:
        """The number of the job that is dispatched next."""
        self._last_n += 1
        return self._last_n

    def accept(self, record: JobRecord, asked: CommitListener) -> None:
        """Take in a new job; `asked` hears when it is on disk, or that it cannot be."""
        self.take_in(record, asked)
        self._enqueue(record)
        self.pump()

    def accept_all(self, records: Collection[JobRecord], asked: CommitListener) -> None:
        """Take in many new jobs with one commit, all or none; then they are queued, some in each turn of the loop."""
        for record in records:
            record.n = self.next_n()  # others may have come since it was made
            self.take_in(record, asked)
        in_turns(records, self._enqueue_new)

    def _enqueue_new(self, records: list[JobRecord]) -> None:
        """Queue new jobs, except those to which something happened since they were taken in."""
        for record in records:
            if (
                record.status.state is JobState.QUEUED
                and self.table.get(record.id) is record
                and not self.gates.has(record)
            ):
                self._enqueue(record)
        self.pump()

    def take_in(self, record: JobRecord, asked: CommitListener) -> None:
        """Record a new job without queueing it, as a final one of another luzia; `asked` hears as with `accept`."""
        self.table.add(record)
        event = self._facts.dispatched(record, task_text(record)[:LIST_TASK_CHARS])
        self.journal.accept(record, event, NewJobListener(record, asked, self._undo))

    def adopt(self, record: JobRecord) -> None:
        """Take in a job that was found in its directory after the store was damaged."""
        event = self._facts.dispatched(record, task_text(record)[:LIST_TASK_CHARS])
        known = self.table.get(record.id)
        if known is None:
            self.table.add(record)
            self.journal.accept(record, event, AdoptedJobListener(record))
        else:
            before, known.status = known.status.state, record.status
            self.table.state_changed(known, before)
            self.journal.record(known, event)
