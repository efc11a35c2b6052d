"""The circuit breaker holds an agent whose account fails, and tries one job after a delay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.attempt import FailureCause
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable
from luziad.scheduling.gates import circuit_breaker
from luziad.scheduling.gates.circuit_breaker import CircuitBreakerGate, has_failed_at_once


class House:
    """A gate with a table and what it has admitted."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.admitted: list[str] = []
        self.gate = CircuitBreakerGate(self.table, self._admit)

    def _admit(self, *records: JobRecord) -> None:
        self.admitted += [record.id for record in records]

    def job(self, *attempts: AttemptRecord) -> JobRecord:
        n = len(self.table) + 1
        spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
        state = JobState.FAILED if attempts else JobState.QUEUED
        record = JobRecord(n, str(n), spec, JobStatus(state, attempts))
        self.table.add(record)
        return record

    def waiting(self) -> JobRecord:
        record = self.job()
        assert self.gate.is_closed(record)
        self.gate.hold(record)
        return record


def attempt(
    ago_s: float = 0.0,
    outcome: Outcome = Outcome.FAILED,
    cause: FailureCause | None = FailureCause.ACCOUNT,
    duration_s: float = 2.0,
    turns: int = 0,
) -> AttemptRecord:
    at = time.time() - ago_s
    reason = "Credit balance is too low" if outcome is Outcome.FAILED else None
    return AttemptRecord(
        1,
        at,
        ended_at=at,
        duration_s=duration_s,
        outcome=outcome,
        reason=reason,
        cause=cause,
        activity=Activity(turns=turns),
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def run(test: Callable[[House], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        house = House()
        try:
            await test(house)
        finally:
            house.gate.close()

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("failed", "at_once"),
    [
        (attempt(), True),
        (attempt(cause=FailureCause.SUSPECTED), True),
        (attempt(duration_s=300.0), True),
        (attempt(duration_s=300.0, turns=2), False),
        (attempt(duration_s=900.0), False),
        (attempt(cause=FailureCause.CREDENTIALS), False),
        (attempt(cause=FailureCause.REQUEST), False),
        (attempt(cause=FailureCause.OVERLOAD), False),
        (attempt(cause=None), False),
        (attempt(outcome=Outcome.CANCELLED), False),
    ],
)
def test_only_a_failure_of_the_account_before_any_work_counts(failed: AttemptRecord, at_once: bool) -> None:
    assert has_failed_at_once(failed) is at_once


def test_after_the_delay_one_job_is_tried_and_the_others_wait_for_it() -> None:
    async def test(house: House) -> None:
        house.job(attempt(ago_s=circuit_breaker.FIRST_DELAY_S - 1))
        house.gate.recover()
        first, second = house.waiting(), house.waiting()
        await until(lambda: house.admitted == [first.id, second.id])
        assert not house.gate.is_closed(first)
        trial = attempt(outcome=Outcome.COMPLETED, cause=None)
        house.gate.attempt_starting(first, trial)
        assert house.gate.is_closed(second)
        assert house.gate.reason(second).startswith("claude is held: ")
        assert f"job {first.id} is being tried first" in house.gate.reason(second)
        house.gate.hold(second)
        house.gate.attempt_ended(first, trial)
        assert not house.gate.is_closed(second)
        assert house.admitted[2:] == [second.id]

    run(test)


def test_the_delay_doubles_with_each_failure_in_a_row() -> None:
    async def test(house: House) -> None:
        house.job(attempt(ago_s=1.5 * circuit_breaker.FIRST_DELAY_S))
        house.job(attempt(ago_s=1.2 * circuit_breaker.FIRST_DELAY_S))
        house.gate.recover()
        house.waiting()
        await asyncio.sleep(0)
        assert house.admitted == []

    run(test)


def test_a_trial_ends_well_as_soon_as_the_model_works() -> None:
    async def test(house: House) -> None:
        failed = house.job()
        house.gate.attempt_ended(failed, attempt())
        first, second = house.waiting(), house.waiting()
        assert house.gate.resume("claude") == [first.id, second.id]
        trial = attempt(outcome=Outcome.COMPLETED, cause=None, turns=1)
        house.gate.attempt_starting(first, trial)
        assert house.gate.is_closed(second)
        house.gate.output_understood(first, trial)
        assert not house.gate.is_closed(second)

    run(test)


@pytest.mark.parametrize("hook", ["job_ended", "job_queued"])
def test_a_trial_that_proves_nothing_makes_room_for_the_next(hook: str) -> None:
    async def test(house: House) -> None:
        house.gate.attempt_ended(house.job(), attempt())
        first, second = house.waiting(), house.waiting()
        house.gate.resume("claude")
        house.gate.attempt_starting(first, attempt())
        assert house.gate.is_closed(second)
        getattr(house.gate, hook)(first)
        assert not house.gate.is_closed(second)

    run(test)


def test_a_success_since_the_failure_means_that_nothing_is_held_after_a_restart() -> None:
    async def test(house: House) -> None:
        house.job(attempt(ago_s=20.0))
        house.job(attempt(ago_s=10.0, outcome=Outcome.COMPLETED, cause=None))
        house.gate.recover()
        assert not house.gate.is_closed(house.job())

    run(test)


@pytest.mark.parametrize(
    ("duration_s", "turns", "at_once"),
    [
        (circuit_breaker.QUICK_S - 1, 3, True),
        (circuit_breaker.QUICK_S + 1, 3, False),
        (circuit_breaker.SILENT_S - 1, 0, True),
        (circuit_breaker.SILENT_S + 1, 0, False),
    ],
)
def test_how_long_an_attempt_may_have_run_depends_on_whether_its_model_has_answered(
    duration_s: float, turns: int, at_once: bool
) -> None:
    assert has_failed_at_once(attempt(duration_s=duration_s, turns=turns)) is at_once
