"""What jobs have cost and how long they have run today, for the summary of a list.

Nothing is counted until a client asks. The first request of a day reads the records of the jobs; from then on,
attempts are added as they end.
"""

from __future__ import annotations

import time

from luzia_protocol import replies

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.daily_budget import day_around


class DayTotals(JobObserver):
    """The totals of the local day.

    An attempt that ran at midnight counts on the new day, with its whole cost and the time since then, as it does for
    daily budgets.
    """

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._begins = self._ends = 0.0
        self._cost_usd: float | None = None
        self._running_s = 0.0

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Add the attempt."""
        del record
        if self._ends:
            self._add(attempt, time.time())

    def now(self) -> replies.DayTotals:
        """The totals until now, with the attempts in progress."""
        now = time.time()
        if not self._begins <= now < self._ends:
            self._compute(now)
        kept = self._cost_usd, self._running_s
        for record in self._table.active():
            if record.attempt is not None and record.attempt.outcome is None:
                self._add(record.attempt, now)
        totals = replies.DayTotals(self._cost_usd, self._running_s)
        self._cost_usd, self._running_s = kept
        return totals

    def _compute(self, now: float) -> None:
        self._begins, self._ends = day_around(now)
        self._cost_usd, self._running_s = None, 0.0
        for record in self._table.newest_first():
            if (record.status.ended_at or now) >= self._begins:
                for attempt in record.status.attempts:
                    if attempt.outcome is not None:
                        self._add(attempt, now)

    def _add(self, attempt: AttemptRecord, now: float) -> None:
        ended_at = now if attempt.ended_at is None else attempt.ended_at
        if ended_at < self._begins or attempt.started_at is None:
            return
        if attempt.activity is not None and attempt.activity.cost_usd is not None:
            self._cost_usd = (self._cost_usd or 0.0) + attempt.activity.cost_usd
        ran_s = ended_at - attempt.started_at if attempt.duration_s is None else attempt.duration_s
        self._running_s += max(min(ran_s, ended_at - self._begins), 0.0)
