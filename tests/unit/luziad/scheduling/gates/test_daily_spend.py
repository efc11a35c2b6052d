"""What a day has cost is the sum of the attempts that count on it, however it came to be known."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.activity import Activity

from luziad.jobs.job_budget import NO_BUDGET, Budget, describe_overrun, remaining_budget
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.scheduling.gates.daily_spend import DailySpend

MIDNIGHT = 1_000_000.0

costs = st.none() | st.integers(0, 10_000_000).map(lambda units: units / 1_000_000)
ends = st.none() | st.floats(MIDNIGHT - 100, MIDNIGHT + 100)
attempts = st.lists(st.tuples(costs, ends), max_size=4)
jobs = st.lists(st.tuples(st.sampled_from(["a", "b"]), attempts), max_size=6)


def attempt(number: int, cost_usd: float | None, ended_at: float | None = None, turns: int = 0) -> AttemptRecord:
    return AttemptRecord(number, 0.0, ended_at=ended_at, activity=Activity(cost_usd=cost_usd, turns=turns))


def record(n: int, project: str, *known: AttemptRecord) -> JobRecord:
    spec = JobSpec(project=project, directory="/", agent="claude", created_at=0.0)
    return JobRecord(n, str(n), spec, JobStatus(attempts=known))


def records(drawn: list[tuple[str, list[tuple[float | None, float | None]]]]) -> list[JobRecord]:
    return [
        record(n, project, *(attempt(number, *each) for number, each in enumerate(known, 1)))
        for n, (project, known) in enumerate(drawn)
    ]


@given(jobs)
def test_the_sum_is_that_of_what_ended_on_the_day_and_of_what_runs(
    drawn: list[tuple[str, list[tuple[float | None, float | None]]]],
) -> None:
    spending = DailySpend.computed(records(drawn), MIDNIGHT)
    for project in ("a", "b", None):
        expected = sum(
            round((cost or 0.0) * 1_000_000)
            for name, known in drawn
            for cost, ended_at in known
            if project in (name, None) and (ended_at is None or ended_at >= MIDNIGHT)
        )
        assert spending.of(project) == expected / 1_000_000


@given(jobs, st.randoms(use_true_random=False))
def test_a_restart_finds_the_same_sums_as_were_kept_step_by_step(
    drawn: list[tuple[str, list[tuple[float | None, float | None]]]], random: random.Random
) -> None:
    known = records(drawn)
    kept = DailySpend(MIDNIGHT)
    steps = [(each, step) for each in known for step in each.status.attempts]
    for each, step in random.sample(steps, len(steps)):  # the cost of each grows while it runs
        final = step.activity
        if final is not None and final.cost_usd is not None:
            for share in sorted(random.random() for _ in range(3)):
                kept.add(each, attempt(step.number, final.cost_usd * share, step.ended_at))
        kept.add(each, step)
    found = DailySpend.computed(known, MIDNIGHT)
    assert [kept.of(name) for name in ("a", "b", None)] == [found.of(name) for name in ("a", "b", None)]


def test_a_new_day_begins_with_what_runs() -> None:
    ended, runs = attempt(1, 3.0, MIDNIGHT - 1), attempt(2, 0.5)
    job = record(1, "a", ended, runs)
    assert DailySpend.computed([job], MIDNIGHT - 86400).of("a") == 3.5
    assert DailySpend.computed([job], MIDNIGHT).of("a") == 0.5
    assert DailySpend.computed([job], MIDNIGHT).of("b") == 0.0


def test_an_attempt_may_use_the_smaller_one_of_what_its_job_and_its_day_have_left() -> None:
    job = record(1, "a", attempt(1, 1.5, turns=3))
    assert remaining_budget(job, NO_BUDGET) == NO_BUDGET
    assert remaining_budget(job, Budget(2.0, 10)) == Budget(0.5, 7)
    assert remaining_budget(job, Budget(2.0, None), 0.25) == Budget(0.25, None)
    assert remaining_budget(job, NO_BUDGET, 0.25) == Budget(0.25, None)
    assert remaining_budget(job, Budget(1.0, 2), -3.0) == Budget(0.0001, 1)


def test_a_job_breaks_its_budget_when_it_uses_more() -> None:
    job = record(1, "a", attempt(1, 1.5, turns=3))
    assert describe_overrun(job, NO_BUDGET) is None
    assert describe_overrun(job, Budget(1.5, 3)) is None
    assert describe_overrun(job, Budget(1.0, None)) == "it cost $1.50, and its budget is $1.00"
    assert describe_overrun(job, Budget(None, 2)) == "it took 3 turns, and its budget is 2"
