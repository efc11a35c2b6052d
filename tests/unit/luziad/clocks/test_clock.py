"""Moments that are counted on the steady clock, and what is left of them after the machine was started anew."""

from __future__ import annotations

import asyncio
import time

from luziad.clocks.clock import SteadyTime, on_steady_clock, on_wall_clock, steady_time
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.retry_state import RetryState
from luziad.scheduling.gates.usage_limit import UsageLimitGate


def waiting(retry: RetryState) -> JobRecord:
    spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
    return JobRecord(1, "1", spec, JobStatus(retry_state=retry))


def test_what_is_left_is_counted_whatever_the_wall_clock_meant() -> None:
    for meant in (time.time() - 3600, time.time() + 3600):
        assert 50 < on_steady_clock(meant, steady_time(), 60).left_s < 70


def test_after_another_boot_the_wall_clock_tells_what_is_left() -> None:
    assert 50 < on_steady_clock(time.time(), SteadyTime("another", 1e9), 60).left_s < 70
    assert 50 < on_steady_clock(time.time() + 60, None).left_s < 70


async def test_a_limit_is_over_on_the_clock_that_it_was_given() -> None:
    came = asyncio.Event()
    gate = UsageLimitGate(lambda *records: came.set())
    record = waiting(RetryState())
    gate.close_for("claude", on_steady_clock(time.time() - 3600, steady_time(0.05)))
    gate.close_for("codex", on_wall_clock(time.time() + 3600))
    assert gate.is_closed(record)
    gate.hold(record)
    async with asyncio.timeout(60):
        await came.wait()
    gate.close()
    assert not gate.is_closed(record)
