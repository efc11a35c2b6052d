"""Five tasks through the Python API: dispatched at once, polled each by itself, listed, and told in figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from luzia_client import AsyncClient, Client, Job, JobState
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia

GATES = ("one", "two", "three", "four", "five")


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text("[daemon]\nmax_running = 5\n")
        luzia.client().add_project("overbits", luzia.project, "shell")
        yield luzia


def waits_for(gate: str) -> str:
    """A task that runs until somebody opens its gate."""
    return f"until [ -e {gate} ]; do sleep 0.02; done; exit 3"


def open_gate(luzia: PrivateLuzia, gate: str) -> None:
    Path(luzia.project, gate).touch()


async def dispatched(client: AsyncClient, gate: str) -> tuple[str, float, float]:
    """The job, and when it was asked for and acknowledged."""
    begin = time.monotonic()
    answer = await client.dispatch("overbits", waits_for(gate))
    return answer.job, begin, time.monotonic()


async def until_final(client: AsyncClient, job: str) -> Job:
    """Poll one job until it has ended."""
    while True:
        status = await client.get_job(job)
        if status.state.is_final:
            return status
        await asyncio.sleep(0.01)


async def test_five_are_dispatched_at_once_and_polled_each_by_itself(luzia: PrivateLuzia) -> None:
    async with AsyncClient(luzia.socket) as client:
        await client.get_info()
        answers = await asyncio.gather(*(dispatched(client, gate) for gate in GATES))
        jobs, begins, ends = zip(*answers, strict=True)
        assert max(begins) < min(ends)  # the last was asked for before the first was acknowledged
        assert len(set(jobs)) == 5
        polls = {gate: asyncio.create_task(until_final(client, job)) for gate, job in zip(GATES, jobs, strict=True)}
        opened = []
        for gate in reversed(GATES):
            open_gate(luzia, gate)
            opened.append(gate)
            assert (await asyncio.wait_for(polls[gate], DEADLINE_S)).exit_code == 3
            assert [each for each in GATES if polls[each].done()] == sorted(opened, key=GATES.index)
        listed = await client.list_jobs(projects="overbits")
        assert {job.id for job in listed.jobs} == set(jobs)
        assert listed.counts[JobState.FAILED] == 5


def test_five_threads_dispatch_at_once_too(luzia: PrivateLuzia) -> None:
    together = Barrier(5)

    def dispatch(gate: str) -> str:
        with Client(luzia.socket) as client:
            client.get_info()
            together.wait(DEADLINE_S)
            return client.dispatch("overbits", waits_for(gate)).job

    with ThreadPoolExecutor(5) as threads:
        jobs = list(threads.map(dispatch, GATES))
    with Client(luzia.socket) as client:
        assert len(set(jobs)) == 5
        assert not any(client.get_job(job).state.is_final for job in jobs)
        for gate in GATES:
            open_gate(luzia, gate)
        assert [job.state for job in client.wait(jobs, timeout_s=DEADLINE_S).jobs] == [JobState.FAILED] * 5
