"""The timer of an attempt stands still while the attempt is paused."""

from __future__ import annotations

import asyncio
import time

from luziad.jobs.attempt import AttemptRef, Pauses
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.scheduling.deadlines.timeouts import Timeouts

REF = AttemptRef("113754-a2f5", 1)
SPEC = JobSpec(project="overbits", directory="/", agent="shell", created_at=0.0)
RECORD = JobRecord(1, REF.job, SPEC, JobStatus())


class Expired:
    """Timeouts of this many seconds, and whether one has passed."""

    def __init__(self, timeout_s: float) -> None:
        self.seen = asyncio.Event()
        self.timeouts = Timeouts(lambda record: timeout_s, lambda record, verdict: self.seen.set())


async def test_a_pause_counts_nothing_and_what_is_left_counts_after_it() -> None:
    expired = Expired(0.05)
    expired.timeouts.attempt_started(RECORD, AttemptRecord(1, 0.0), 0.0)
    expired.timeouts.hold(REF)
    expired.timeouts.hold(REF)
    await asyncio.sleep(0.1)
    assert not expired.seen.is_set()
    expired.timeouts.resume(REF)
    async with asyncio.timeout(60):
        await expired.seen.wait()


async def test_after_a_restart_the_pauses_that_are_known_do_not_count() -> None:
    expired = Expired(60.0)
    attempt = AttemptRecord(1, 0.0, pauses=Pauses(total_s=1000.0))
    expired.timeouts.attempt_started(RECORD, attempt, 1001.0)
    await asyncio.sleep(0)
    assert not expired.seen.is_set()
    expired.timeouts.close()


async def test_after_a_restart_a_paused_attempt_does_not_run_out_of_time() -> None:
    expired = Expired(0.01)
    attempt = AttemptRecord(1, 0.0, pauses=Pauses(since_s=time.monotonic() - 1000.0))
    expired.timeouts.attempt_started(RECORD, attempt, 1000.0)
    await asyncio.sleep(0.05)
    assert not expired.seen.is_set()
    expired.timeouts.resume(REF)
    async with asyncio.timeout(60):
        await expired.seen.wait()


def test_pauses_add_up() -> None:
    pauses = Pauses().begin(10.0).begin(12.0)
    assert pauses.total_at_s(15.0) == 5.0
    pauses = pauses.end(15.0).end(20.0).begin(30.0)
    assert pauses.total_at_s(31.0) == 6.0
    assert pauses.end(33.0) == Pauses(None, 8.0)
