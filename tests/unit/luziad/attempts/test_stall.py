"""What counts as activity, on a clock of the test's own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from luzia_protocol.jobs import JobState

from luziad.attempts.cpu_usage import cpu_s
from luziad.attempts.stall import CHECKS, ActivityMeter, StallWatch
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from support import DEADLINE_S, eventually


def stalled_at(meter: ActivityMeter, used: dict[int, float], until: int = 400) -> int | None:
    """Look once a minute; `used` has the minutes at which the total of its CPU seconds changes."""
    total = 0.0
    for minute in range(1, until):
        total = used.get(minute, total)
        if meter.check(60.0 * minute, total):
            return minute
    return None


def test_one_that_does_nothing_has_stalled_after_the_span_and_a_fifth_of_it_at_most() -> None:
    assert stalled_at(ActivityMeter(600.0, 0.0), {}) in (10, 11, 12)


def test_a_silent_build_that_uses_the_processor_is_left_alone() -> None:
    assert stalled_at(ActivityMeter(600.0, 0.0), {minute: 30.0 * minute for minute in range(1, 400)}) is None


def test_one_that_works_at_times_is_left_alone_and_has_stalled_when_it_works_no_more() -> None:
    assert stalled_at(ActivityMeter(600.0, 0.0), {minute: 5.0 * minute for minute in range(1, 100, 9)}) == 101


def test_what_only_waits_uses_a_little_and_has_stalled_all_the_same() -> None:
    assert stalled_at(ActivityMeter(600.0, 0.0), {minute: 0.5 * minute for minute in range(1, 400)}) in (10, 11, 12)


def test_processes_that_end_are_activity() -> None:
    assert stalled_at(ActivityMeter(600.0, 0.0), {1: 50.0, 8: 20.0}) == 18


def test_what_it_writes_is_activity() -> None:
    meter = ActivityMeter(600.0, 0.0)
    for minute in range(1, 30):
        assert meter.note(60.0 * minute - 1)
        assert not meter.check(60.0 * minute, None)
    assert not meter.note(60.0 * 29 - 1)
    assert not any(meter.check(60.0 * minute, 1.0) for minute in range(30, 40))
    assert meter.check(60.0 * 40, 1.0)


def test_the_use_of_a_tree_counts_all_of_its_processes() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    parent = (
        "import os, subprocess, sys\n"
        f"subprocess.run([sys.executable, '-SEc', {burn!r}])\n"  # one that has ended
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-SEc", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        eventually(lambda: cpu_s(process.pid) >= 0.3)
        assert process.stdin is not None
        process.stdin.close()
    assert cpu_s(process.pid) == 0.0


def test_one_that_waits_for_others_may_be_silent_until_it_waits_no_more() -> None:
    looks = 0

    def excused(record: JobRecord) -> bool:
        nonlocal looks
        looks += 1
        return looks <= 3 * CHECKS

    async def watched() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # Below a shell, since the processor time of the parent counts, too, and this process uses some.
        below = subprocess.Popen(
            ["/bin/sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True
        )
        with ThreadPoolExecutor(1) as files, below:
            assert below.stdout is not None
            silent = int(below.stdout.readline())
            watch = StallWatch(
                timeout_s=lambda record: 0.3,
                streams=lambda ref: [os.devnull + "-none"],
                files=files,
                stop=lambda record, verdict: told.set_result(looks),
                is_excused=excused,
            )
            attempt = AttemptRecord(1, 0.0, started_at=0.0, pid=silent)
            spec = JobSpec(project="p", directory="/", agent="shell", created_at=0.0)
            record = JobRecord(1, "010203-abcd", spec, JobStatus(state=JobState.RUNNING, attempts=(attempt,)))
            watch.attempt_started(record, attempt, 0.0)
            try:
                return await told
            finally:
                watch.close()
                os.killpg(below.pid, signal.SIGKILL)

    assert asyncio.run(asyncio.wait_for(watched(), DEADLINE_S)) > 3 * CHECKS
