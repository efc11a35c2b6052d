"""What attempts have cost on one day, by project. Pure: of what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import AttemptRecord, JobRecord

_UNITS = 1_000_000
"""Sums are kept in millionths of a dollar, so that none depends on the order in which costs came."""


class DaySpending:
    """Sums of the attempts that count on a day: those that ended on it, and those that run.

    One that runs past midnight counts on the new day, with all of it. One without a price counts nothing.
    """

    def __init__(self, since: float) -> None:
        self._since = since
        self._costs: dict[AttemptRef, int] = {}
        self._sums: Counter[str | None] = Counter()

    @classmethod
    def found(cls, records: Iterable[JobRecord], since: float) -> DaySpending:
        """The sums of the day that began at `since`, in epoch seconds, as the records of the jobs have them."""
        spending = cls(since)
        for record in records:
            for attempt in record.status.attempts:
                spending.learn(record, attempt)
        return spending

    def learn(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The attempt has cost so much by now."""
        cost_usd = attempt.activity.cost_usd if attempt.activity is not None else None
        if cost_usd is None or (attempt.ended_at is not None and attempt.ended_at < self._since):
            return
        ref, cost = AttemptRef(record.id, attempt.number), round(cost_usd * _UNITS)
        more = cost - self._costs.get(ref, 0)
        self._costs[ref] = cost
        self._sums[record.project] += more
        self._sums[None] += more

    def of(self, project: str | None) -> float:
        """US dollars that the project's attempts have cost; None: those of all projects."""
        return self._sums[project] / _UNITS
