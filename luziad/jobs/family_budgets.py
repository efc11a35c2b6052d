"""Budgets of jobs with sub-jobs: a sub-job's cost counts against the jobs from inside which it was dispatched. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from luzia_protocol.money import format_usd

from luziad.jobs.job_budget import Budget, describe_overrun, spending_of
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable


class Overrun(NamedTuple):
    """A job that has exceeded its budget, and how, as text."""

    record: JobRecord
    words: str


class FamilyBudgets:
    """budget: the limits of a job itself, which count from its dispatch or from a user's retry."""

    def __init__(self, table: JobTable, budget: Callable[[JobRecord], Budget]) -> None:
        self._table = table
        self._budget = budget

    def left_usd(self, record: JobRecord) -> float | None:
        """What the job and its sub-jobs may still cost, by its own limit and those of its ancestors; None: no limit."""
        left = [limit - self._cost(each) for each, limit in self._limited(record)]
        return max(min(left), 0.0) if left else None

    def overrun(self, record: JobRecord) -> Overrun | None:
        """The job itself or the nearest of its ancestors that has exceeded its budget; None if there is none."""
        if (words := describe_overrun(record, self._budget(record))) is not None:
            return Overrun(record, words)
        for each, limit in self._limited(record):
            if (cost_usd := self._cost(each)) > limit:
                together = f"it and its sub-jobs cost {format_usd(cost_usd)}"
                return Overrun(each, f"{together}, and its budget is {format_usd(limit)}")
        return None

    def _limited(self, record: JobRecord) -> Iterator[tuple[JobRecord, float]]:
        """The job and its ancestors, the nearest first, as far as they have a limit on their cost."""
        above = [self._table.get(job) for job in reversed(record.ancestors)]
        for each in (record, *above):
            if each is not None and (limit := self._budget(each).cost_usd) is not None:
                yield each, limit

    def _cost(self, record: JobRecord) -> float:
        """What the job and its sub-jobs have cost since it was last requested."""
        first = record.first_attempt
        since = record.spec.created_at if first is None else first.starting_at
        below = map(self._table.get, self._table.family.descendants((record.id,)))
        sub_jobs = [each for each in below if each is not None and each.spec.created_at >= since]
        return spending_of(record)[0] + sum(_whole_cost(each) for each in sub_jobs)


def _whole_cost(record: JobRecord) -> float:
    """What all attempts of a job have cost."""
    return sum(each.activity.cost_usd or 0.0 for each in record.status.attempts if each.activity is not None)
