"""Ends jobs that have not started before they expire, or whose attempts take longer than the job timeout."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.clocks.clock import ClockTime, on_steady_clock
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.attempt import Verdict
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.start_time import next_start

AT_ONCE = 50
"""Jobs that are ended in one turn of the event loop: some milliseconds."""


class Deadlines(JobObserver):
    """Watches the jobs that have a deadline. `end` ends a job with a verdict."""

    def __init__(self, end: Callable[[JobRecord, Verdict], None]) -> None:
        self._end = end
        self._timers = TimerQueue(self._due, AT_ONCE)

    def close(self) -> None:
        """Stop the timers."""
        self._timers.close()

    def job_queued(self, record: JobRecord) -> None:
        """Watch the job until it expires, or until its job timeout."""
        self._watch(record)

    def attempt_starting(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Watch the job until its job timeout."""
        self._watch(record)

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Watch the job again."""
        self._watch(record)

    def job_ended(self, record: JobRecord) -> None:
        """Watch the job no longer."""
        self.job_removed(record)

    def job_removed(self, record: JobRecord) -> None:
        """Watch the job no longer."""
        if record.spec.terms is not None:
            self._timers.drop(record)

    def _watch(self, record: JobRecord) -> None:
        if record.spec.terms is None:
            return
        at = _deadline(record)
        if at is None:
            self._timers.drop(record)
        else:
            self._timers.put(record, at)

    def _due(self, records: list[JobRecord]) -> None:
        for record in records:
            terms = record.spec.terms
            assert terms is not None
            if record.first_attempt is None:
                self._end(record, Verdict(Outcome.EXPIRED, f"had not started within {terms.expires_s:g} s"))
            else:
                reason = f"all its attempts took longer than its job timeout of {terms.job_timeout_s:g} s"
                self._end(record, Verdict(Outcome.OVERDUE, reason))


def _deadline(record: JobRecord) -> ClockTime | None:
    """The deadline in force: to start, or to have ended. Relative to a time of day it follows the wall clock."""
    terms, first, retry = record.spec.terms, record.first_attempt, record.status.retry_state
    assert terms is not None
    if first is not None:
        if terms.job_timeout_s is None:
            return None
        return on_steady_clock(first.starting_at, retry.started_steady if retry else None, terms.job_timeout_s)
    if terms.expires_s is None:
        return None
    if retry is None or retry.requested_at is None:
        asked_at, asked = record.spec.created_at, record.spec.created_steady
    else:
        asked_at, asked = retry.requested_at, retry.requested_steady
    begin, start = on_steady_clock(asked_at, asked), next_start(record)
    if start is not None and start.left_s > begin.left_s:
        begin = start
    return begin._replace(time_s=begin.time_s + terms.expires_s)
