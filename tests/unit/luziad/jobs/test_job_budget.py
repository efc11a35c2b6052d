"""Costs and budgets are not rounded to nothing."""

from __future__ import annotations

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.money import format_usd

from luziad.agents.base import CommandContext, budget_options
from luziad.jobs.job_budget import Budget, describe_overrun, remaining_budget
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus


def job(cost_usd: float) -> JobRecord:
    spec = JobSpec(project="a", directory="/", agent="vibe", created_at=0.0)
    return JobRecord(1, "1", spec, JobStatus(attempts=(AttemptRecord(1, 0.0, activity=Activity(cost_usd=cost_usd)),)))


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "$0.00"),
        (2.5, "$2.50"),
        (0.001, "$0.001"),
        (0.0123, "$0.0123"),
        (0.000002, "$0.000002"),
        (1e-12, "$0.000000000001"),
        (20, "$20.00"),
        (1250.5, "$1,250.50"),
        (1.004, "$1.004"),
    ],
)
def test_an_amount_has_the_digits_that_it_needs(usd: float, text: str) -> None:
    assert format_usd(usd) == text


def test_an_overrun_of_a_small_budget_has_both_amounts() -> None:
    assert describe_overrun(job(0.004), Budget(0.001, None)) == "it cost $0.004, and its budget is $0.001"


def test_a_small_budget_reaches_the_agent_as_it_is() -> None:
    left = remaining_budget(job(0.0005), Budget(0.001, None))
    context = CommandContext("1", 1, "x", "/", "/p", max_cost_usd=left.cost_usd)
    assert budget_options(context, "--max-price", "--max-turns") == ["--max-price=0.0005"]
    assert remaining_budget(job(5.0), Budget(0.001, None)).cost_usd == 0.0001
