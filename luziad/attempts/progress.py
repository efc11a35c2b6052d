"""Records the progress of attempts: what they report themselves, and what their output tells."""

from __future__ import annotations

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

from luziad.jobs.activity import merge_progress
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.journal import Callback, Journal


class ProgressRecorder:
    """Changes the progress and the activity in jobs' records."""

    def __init__(self, journal: Journal, observers: Observers) -> None:
        self._journal = journal
        self._observers = observers

    def reported(self, record: JobRecord, attempt: AttemptRecord, progress: Progress, then: Callback) -> None:
        """The job itself has reported its progress."""
        record.status.progress = progress
        self._journal.record(record, self._journal.events.progressed(record, attempt.number, progress), then)
        self._observers.job_changed(record)

    def understood(
        self, record: JobRecord, attempt: AttemptRecord, activity: Activity, progress: Progress | None
    ) -> bool:
        """Take in what the attempt's output tells; False when that is not new."""
        known = attempt.activity
        if known is not None and known.lingered:
            activity = msgspec.structs.replace(activity, lingered=True)
        before, record.status.progress = record.status.progress, merge_progress(record.status.progress, progress)
        if activity == known and before == record.status.progress:
            return False
        attempt.activity = activity
        if self._journal.failure is None:  # what waits for the store must not grow with every step
            shown = record.status.progress or Progress()
            self._journal.record(record, self._journal.events.progressed(record, attempt.number, shown))
        self._observers.job_changed(record)
        return True
