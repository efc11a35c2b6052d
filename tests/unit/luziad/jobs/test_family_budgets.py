"""A sub-job's cost counts against the jobs from inside which it was dispatched."""

from __future__ import annotations

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import JobState

from luziad.jobs.family import Origin
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.job_budget import Budget
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.retry_state import RetryState
from luziad.jobs.table import JobTable


class House:
    """A table of jobs, each made at the second of its number."""

    def __init__(self, **limits: float) -> None:
        self.table = JobTable()
        self.limits = limits
        self.budgets = FamilyBudgets(self.table, lambda record: Budget(limits.get(record.id), None))

    def add(self, n: int, name: str, cost_usd: float, *ancestors: str) -> JobRecord:
        origin = Origin(ancestors=ancestors) if ancestors else None
        spec = JobSpec(project="a", directory="/", agent="claude", created_at=float(n), origin=origin)
        attempt = AttemptRecord(1, n + 0.5, activity=Activity(cost_usd=cost_usd))
        record = JobRecord(n, name, spec, JobStatus(state=JobState.RUNNING, attempts=(attempt,)))
        self.table.add(record)
        return record


def test_what_is_left_is_the_least_of_all_limits_above() -> None:
    house = House(top=10.0, middle=3.0)
    top = house.add(1, "top", 1.0)
    middle = house.add(2, "middle", 0.5, "top")
    low = house.add(3, "low", 1.5, "top", "middle")
    assert house.budgets.left_usd(top) == 7.0
    assert house.budgets.left_usd(middle) == 1.0
    assert house.budgets.left_usd(low) == 1.0
    assert house.budgets.overrun(low) is None


def test_who_has_exceeded_the_budget_is_the_job_that_has_one() -> None:
    house = House(top=2.0)
    house.add(1, "top", 1.0)
    house.add(2, "other", 0.9, "top")
    low = house.add(3, "low", 0.2, "top")
    overrun = house.budgets.overrun(low)
    assert overrun is not None
    assert overrun.record.id == "top"
    assert overrun.words == "it and its sub-jobs cost $2.10, and its budget is $2.00"
    assert house.budgets.left_usd(low) == 0.0


def test_a_retry_has_the_whole_budget_again() -> None:
    house = House(top=2.0)
    top = house.add(1, "top", 1.0)
    house.add(2, "low", 1.5, "top")
    top.status.attempts = (*top.status.attempts, AttemptRecord(2, 9.0, activity=Activity(cost_usd=0.25)))
    top.status.retry_state = RetryState(first_attempt=2)
    assert house.budgets.left_usd(top) == 1.75
    house.add(10, "later", 0.5, "top")
    assert house.budgets.left_usd(top) == 1.25


def test_without_a_limit_nothing_is_computed() -> None:
    house = House()
    top = house.add(1, "top", 100.0)
    assert house.budgets.left_usd(top) is None
    assert house.budgets.overrun(top) is None
