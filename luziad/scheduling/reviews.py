"""Reviews: what a person decides about the work of completed jobs."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState, Review

from luziad.jobs.observer import Observers
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.journal.journal import Callback, CommitCallbacks, Journal

log = logging.getLogger("luziad.scheduler")


@dataclass(kw_only=True, eq=False)
class Reviews:
    """Records decisions. Other parts hear of them by the hook `job_reviewed`."""

    table: JobTable
    journal: Journal
    observers: Observers

    def accept(self, record: JobRecord, then: Callback) -> None:
        """Accept the work, also if it was rejected before. `then` is called when that is on disk. Raises Refused."""
        self._require_completed(record)
        self._decide(record, Review.ACCEPTED, then)

    def reject(self, record: JobRecord, then: Callback) -> None:
        """Reject the work. `then` is called when that is on disk. Raises Refused, also if it was accepted."""
        self._require_completed(record)
        if record.review is Review.ACCEPTED:
            raise Refused(ErrorCode.ALREADY_ACCEPTED, f"the work of job {record.id} has been accepted")
        self._decide(record, Review.REJECTED, then)

    def work_discarded(self, record: JobRecord) -> None:
        """Discarded work is rejected, unless it was decided about before."""
        if record.waits_for_review:
            self._decide(record, Review.REJECTED, lambda: None)

    def _require_completed(self, record: JobRecord) -> None:
        if record.review is None:
            raise Refused(ErrorCode.NO_REVIEW, f"job {record.id} was not dispatched with `--review`")
        if record.status.state is not JobState.COMPLETED:
            word = record.status.state.value.replace("_", " ")
            raise Refused(ErrorCode.NO_REVIEW, f"job {record.id} has not completed: it is {word}")

    def _decide(self, record: JobRecord, review: Review, then: Callback) -> None:
        if record.review is review:
            self.journal.after_commit(CommitCallbacks(then, lambda _: then()))
            return
        record.status.review = review
        self.table.work_changed(record)
        self.journal.record(record, self.journal.events.reviewed(record, review), then)
        log.info("job_reviewed job=%s review=%s", record.id, review)
        self.observers.job_changed(record)
        self.observers.job_reviewed(record)
        self.observers.start_possible()
