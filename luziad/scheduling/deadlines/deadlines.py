"""Ends jobs that have not begun when they must have, or are not over when all of their attempts must be."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.clocks.clock import ClockTime, on_steady_clock
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.attempt import Verdict
from luziad.jobs.record import JobRecord
from luziad.jobs.start_time import next_start


class Deadlines:
    """Watches the few jobs that have one. `over` is told the job, and how it has ended by that."""

    def __init__(self, over: Callable[[JobRecord, Verdict], None]) -> None:
        self._over = over
        self._agenda = TimerQueue(self._due)
        self.close = self._agenda.close

    def watch(self, record: JobRecord) -> None:
        """The job is new, was loaded, or its state changed."""
        if record.spec.terms is None:
            return
        at = None if record.status.state.is_final else _deadline(record)
        if at is None:
            self._agenda.drop(record)
        else:
            self._agenda.put(record, at)

    def forget(self, record: JobRecord) -> None:
        """The job is no more."""
        self._agenda.drop(record)

    def _due(self, records: list[JobRecord]) -> None:
        for record in records:
            terms = record.spec.terms
            assert terms is not None
            if record.first_attempt is None:
                self._over(record, Verdict(Outcome.EXPIRED, f"had not begun within {terms.expires_s:g} s"))
            else:
                words = f"all its attempts took longer than its job timeout of {terms.job_timeout_s:g} s"
                self._over(record, Verdict(Outcome.OVERDUE, words))


def _deadline(record: JobRecord) -> ClockTime | None:
    """The deadline that counts now: to begin, or to be over. From a time of the day on it goes by the wall clock."""
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
