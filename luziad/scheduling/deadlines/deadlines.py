"""Ends jobs that have not begun when they must have, or are not over when all of their attempts must be."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.clocks.clock import At, counted
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.attempt import Verdict
from luziad.jobs.record import JobRecord
from luziad.jobs.start_time import start_of


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
        at = None if record.fate.state.is_final else _deadline(record)
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


def _deadline(record: JobRecord) -> At | None:
    """The deadline that counts now: to begin, or to be over. From a time of the day on it goes by the wall clock."""
    terms, first, again = record.spec.terms, record.first_attempt, record.fate.again
    assert terms is not None
    if first is not None:
        if terms.job_timeout_s is None:
            return None
        return counted(first.starting_at, again.begun if again else None, terms.job_timeout_s)
    if terms.expires_s is None:
        return None
    if again is None or again.asked_at is None:
        asked_at, asked = record.spec.created_at, record.spec.created
    else:
        asked_at, asked = again.asked_at, again.asked
    begin, start = counted(asked_at, asked), start_of(record)
    if start is not None and start.left_s > begin.left_s:
        begin = start
    return begin._replace(moment=begin.moment + terms.expires_s)
