"""A budget of a day holds queued jobs until the day is over or there is more of it, and ends what runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import JobState, Outcome

from luziad.attempts.launch import Launcher
from luziad.config.schema import Config, DaemonConfig, ProjectConfig
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.environments import Environments
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable
from luziad.scheduling.gates import daily_budget
from luziad.scheduling.gates.daily_budget import DailyBudgetGate, day_around


def config(a: float | None = None, of_all: float | None = None) -> Config:
    projects = {"a": ProjectConfig("/", max_cost_usd_per_day=a), "b": ProjectConfig("/")}
    return Config(DaemonConfig(max_cost_usd_per_day=of_all), projects, {}, {}, *("",) * 6)


def job(table: JobTable, project: str, state: JobState, *attempts: AttemptRecord) -> JobRecord:
    n = len(table) + 1
    spec = JobSpec(project=project, directory="/", agent="claude", created_at=0.0)
    record = JobRecord(n, str(n), spec, JobStatus(state, attempts))
    table.add(record)
    return record


def attempt(cost_usd: float | None, ended_at: float | None = None) -> AttemptRecord:
    return AttemptRecord(1, 0.0, started_at=1.0, ended_at=ended_at, activity=Activity(cost_usd=cost_usd))


class House:
    """Budgets with all that is around them."""

    def __init__(self, table: JobTable, said: Config) -> None:
        self.launcher = Launcher(said, {}, Environments({}), cast(Executor, None), lambda record: record.spec)
        self.admitted: list[JobRecord] = []
        self.stopped: dict[str, Verdict] = {}
        self.finished: set[object] = set()
        self.days = DailyBudgetGate(table, self.launcher, self._admit, self._stop, self.finished.__contains__)
        self.days.reload()

    def _admit(self, *records: JobRecord) -> None:
        self.admitted += records

    def _stop(self, record: JobRecord, verdict: Verdict) -> None:
        self.stopped[record.id] = verdict
        assert record.attempt is not None
        record.attempt.stop_outcome = verdict.outcome


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def table() -> JobTable:
    return JobTable()


def test_without_a_budget_nothing_is_counted_or_held(table: JobTable, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        record = job(table, "a", JobState.RUNNING, attempt(1000.0))
        house = House(table, config())
        monkeypatch.setattr(daily_budget, "day_around", None)
        house.days.output_understood(record, record.status.attempts[0])
        assert not house.days.is_closed(record)
        assert house.days.left_usd(record) is None

    asyncio.run(run())


def test_a_used_up_budget_holds_its_project_and_one_of_all_holds_all(table: JobTable) -> None:
    async def run() -> None:
        job(table, "a", JobState.COMPLETED, attempt(5.0, time.time() + 60))
        first, second = job(table, "a", JobState.QUEUED), job(table, "b", JobState.QUEUED)
        house = House(table, config(a=5.0))
        assert (house.days.is_closed(first), house.days.is_closed(second)) == (True, False)
        assert house.days.reason(first).startswith(
            "the day's budget of a, $5.00 of $5.00, is used up; a new day begins at 00:00"
        )
        house = House(table, config(of_all=4.0))
        assert (house.days.is_closed(first), house.days.is_closed(second)) == (True, True)
        assert "the day's budget of all projects, $5.00 of $4.00, is used up" in house.days.reason(second)
        house = House(table, config(a=7.0, of_all=5.5))
        assert house.days.left_usd(first) == house.days.left_usd(second) == 0.5
        house.days.close()

    asyncio.run(run())


def test_jobs_go_on_with_a_larger_budget(table: JobTable) -> None:
    async def run() -> None:
        job(table, "a", JobState.COMPLETED, attempt(5.0, time.time() + 60))
        queued, gone = job(table, "a", JobState.QUEUED), job(table, "a", JobState.QUEUED)
        house = House(table, config(a=5.0))
        for record in (queued, gone):
            house.days.hold(record)
        house.days.drop(gone)
        house.launcher.config = config(a=6.0)
        house.days.reload()
        assert house.admitted == [queued]
        assert not house.days.is_closed(queued)
        house.days.close()

    asyncio.run(run())


def test_jobs_go_on_with_a_new_day(table: JobTable, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = time.time() + 1.5

    def day(now: float) -> tuple[float, float]:
        return (midnight - 86400, midnight) if now < midnight else (midnight, midnight + 86400)

    monkeypatch.setattr(daily_budget, "day_around", day)

    async def run() -> None:
        job(table, "a", JobState.COMPLETED, attempt(5.0, midnight - 10))
        running = job(table, "a", JobState.RUNNING, attempt(0.5))
        queued = job(table, "a", JobState.QUEUED)
        house = House(table, config(a=5.0))
        if house.days.is_closed(queued):  # a slow machine may be beyond midnight by now
            house.days.hold(queued)
            await until(lambda: house.admitted)
        await until(lambda: time.time() >= midnight)
        assert not house.days.is_closed(queued)
        assert house.days.left_usd(queued) == 4.5
        house.days.close()
        assert running.attempt is not None

    asyncio.run(run())


def test_what_runs_is_ended_but_not_what_is_about_to_end(table: JobTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_budget, "BUDGET_GRACE_S", 0.01)

    async def run() -> None:
        spends, other = job(table, "a", JobState.RUNNING, attempt(1.0)), job(table, "b", JobState.RUNNING, attempt(9.0))
        unpriced = job(table, "a", JobState.RUNNING, attempt(None))
        done = job(table, "a", JobState.RUNNING, attempt(1.0))
        starting = job(table, "a", JobState.STARTING, AttemptRecord(1, 0.0))
        house = House(table, config(a=5.0))
        house.finished.add(AttemptRef(done.id, 1))
        spends.status.attempts[0].activity = Activity(cost_usd=4.0)
        house.days.output_understood(spends, spends.status.attempts[0])
        await until(lambda: len(house.stopped) == 2)
        assert house.stopped.keys() == {spends.id, unpriced.id}
        verdict = house.stopped[spends.id]
        assert verdict.outcome is Outcome.OVER_BUDGET
        assert verdict.reason is not None
        assert f"`luzia retry {spends.id}` continues when" in verdict.reason
        starting.status.attempts[0].started_at = time.time()
        await until(lambda: starting.id in house.stopped)
        assert not {other.id, done.id} & house.stopped.keys()
        house.days.close()

    asyncio.run(run())


def test_a_budget_that_is_made_smaller_ends_what_runs(table: JobTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_budget, "BUDGET_GRACE_S", 0.01)

    async def run() -> None:
        running = job(table, "a", JobState.RUNNING, attempt(3.0))
        house = House(table, config(a=5.0))
        assert house.days.left_usd(running) == 2.0
        house.launcher.config = config(a=2.5)
        house.days.reload()
        await until(lambda: house.stopped)
        assert house.stopped[running.id].outcome is Outcome.OVER_BUDGET
        house.days.close()

    asyncio.run(run())


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (6, 1, 24), (10, 25, 25), (12, 31, 24)])
@pytest.mark.usefixtures("berlin")
def test_a_day_is_from_midnight_to_midnight_here(month: int, day: int, hours: int) -> None:
    noon = time.mktime((2026, month, day, 12, 0, 0, 0, 0, -1))
    begins, ends = day_around(noon)
    assert time.localtime(begins)[:6] == (2026, month, day, 0, 0, 0)
    assert time.localtime(ends)[3:6] == (0, 0, 0)
    assert ends - begins == hours * 3600
    assert day_around(begins) == (begins, ends)
    assert day_around(ends)[0] == ends
