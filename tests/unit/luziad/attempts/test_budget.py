"""An attempt that is over its budget is ended, unless it has told its final result and is about to end by itself."""

from __future__ import annotations

import asyncio

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import JobState, Outcome

from luziad.attempts import budget
from luziad.attempts.budget import BudgetWatch
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.job_budget import Budget
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable


def job(n: int, cost_usd: float) -> JobRecord:
    spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
    attempt = AttemptRecord(1, 0.0, started_at=1.0, activity=Activity(cost_usd=cost_usd))
    return JobRecord(n, str(n), spec, JobStatus(state=JobState.RUNNING, attempts=(attempt,)))


def test_who_has_told_the_final_result_is_left_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "BUDGET_GRACE_S", 0.01)
    cheap, works, done = job(1, 0.5), job(2, 2.0), job(3, 2.0)
    stopped: dict[str, Verdict] = {}

    async def run() -> None:
        over = asyncio.Event()

        def stop(record: JobRecord, verdict: Verdict) -> None:
            stopped[record.id] = verdict
            over.set()

        budgets = FamilyBudgets(JobTable(), lambda _: Budget(1.0, None))
        watch = BudgetWatch(stop, budgets, {AttemptRef("3", 1)}.__contains__)
        for record in (cheap, done, works):  # `works` comes last, so that the others have had their time
            watch.output_understood(record, record.status.attempts[0])
        await over.wait()

    asyncio.run(run())
    assert list(stopped) == ["2"]
    assert stopped["2"].outcome is Outcome.OVER_BUDGET
