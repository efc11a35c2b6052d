"""Moments that are counted on the steady clock, and what is left of them after the machine was started anew."""

from __future__ import annotations

import asyncio
import time

from luziad.clocks.clock import Steady, counted, steady, wall
from luziad.jobs.record import JobFate, JobRecord, JobSpec
from luziad.jobs.retry_state import Again
from luziad.scheduling.gates.usage_limit import LimitGate


def waiting(again: Again) -> JobRecord:
    spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
    return JobRecord(1, "1", spec, JobFate(again=again))


def test_what_is_left_is_counted_whatever_the_wall_clock_meant() -> None:
    for meant in (time.time() - 3600, time.time() + 3600):
        assert 50 < counted(meant, steady(), 60).left_s < 70


def test_after_another_boot_the_wall_clock_tells_what_is_left() -> None:
    assert 50 < counted(time.time(), Steady("another", 1e9), 60).left_s < 70
    assert 50 < counted(time.time() + 60, None).left_s < 70


async def test_a_limit_is_over_on_the_clock_that_it_was_given() -> None:
    came = asyncio.Event()
    gate = LimitGate(lambda *records: came.set())
    record = waiting(Again())
    gate.limited("claude", counted(time.time() - 3600, steady(0.05)))
    gate.limited("codex", wall(time.time() + 3600))
    assert gate.closed(record)
    gate.keep(record)
    async with asyncio.timeout(60):
        await came.wait()
    gate.close()
    assert not gate.closed(record)
