"""The cost of attempts on one day, by project. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import AttemptRecord, JobRecord

Cost = Callable[[JobRecord, AttemptRecord], float | None]
"""The cost of an attempt in US dollars; None is unknown."""
_UNITS = 1_000_000
"""Sums are in millionths of a dollar, so that they do not depend on the order of the additions."""


def reported_cost(record: JobRecord, attempt: AttemptRecord) -> float | None:
    """What the agent reports."""
    del record
    return None if attempt.activity is None else attempt.activity.cost_usd


class DailySpend:
    """The sums of the attempts that count on a day: those that ended on it, and those that are running.

    An attempt that is running at midnight counts on the new day, with its whole cost.
    """

    def __init__(self, since: float, cost: Cost = reported_cost) -> None:
        self._since = since
        self._cost = cost
        self._costs: dict[AttemptRef, int] = {}
        self._sums: Counter[str | None] = Counter()

    @classmethod
    def computed(cls, records: Iterable[JobRecord], since: float, cost: Cost = reported_cost) -> DailySpend:
        """The sums of the day that began at `since`, in epoch seconds, from the records of jobs."""
        spending = cls(since, cost)
        for record in records:
            for attempt in record.status.attempts:
                spending.add(record, attempt)
        return spending

    def add(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Count the present cost of the attempt, instead of an earlier one."""
        cost_usd = self._cost(record, attempt)
        if cost_usd is None or (attempt.ended_at is not None and attempt.ended_at < self._since):
            return
        ref, cost = AttemptRef(record.id, attempt.number), round(cost_usd * _UNITS)
        more = cost - self._costs.get(ref, 0)
        self._costs[ref] = cost
        self._sums[record.project] += more
        self._sums[None] += more

    def of(self, project: str | None) -> float:
        """The cost of the project's attempts in US dollars; of all projects for None."""
        return self._sums[project] / _UNITS
