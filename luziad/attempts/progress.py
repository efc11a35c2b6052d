"""Records how far attempts are: what they report themselves, and what their output tells."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

from luziad.jobs.activity import merge_progress
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.events import EventFactory
from luziad.journal.journal import Callback, Journal


class Progressing:
    """A part of the scheduler. `changed` is called with each job that came further."""

    def __init__(self, journal: Journal, facts: EventFactory, changed: Callable[[JobRecord], None]) -> None:
        self._journal = journal
        self._facts = facts
        self._changed = changed

    def reported(self, record: JobRecord, attempt: AttemptRecord, progress: Progress, then: Callback) -> None:
        """The job said itself how far it is."""
        record.status.progress = progress
        self._journal.record(record, self._facts.progressed(record, attempt.number, progress), then)
        self._changed(record)

    def understood(
        self, record: JobRecord, attempt: AttemptRecord, activity: Activity, progress: Progress | None
    ) -> bool:
        """The attempt's output tells more than was known; False when it does not."""
        known = attempt.activity
        if known is not None and known.lingered:
            activity = msgspec.structs.replace(activity, lingered=True)
        before, record.status.progress = record.status.progress, merge_progress(record.status.progress, progress)
        if activity == known and before == record.status.progress:
            return False
        attempt.activity = activity
        if self._journal.failure is None:  # what waits for room may not grow with every step of an agent
            shown = record.status.progress or Progress()
            self._journal.record(record, self._facts.progressed(record, attempt.number, shown))
        self._changed(record)
        return True
