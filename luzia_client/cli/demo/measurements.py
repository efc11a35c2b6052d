"""The dispatches of `luzia demo`, and its measurements of the daemon."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from luzia_protocol.jobs import Job
from luzia_protocol.replies import DispatchResult

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client
from luzia_client.cli.show.formatting import format_size

T = TypeVar("T")

BURST = 50
STATUS_ROUNDS = 200


class Dispatches(NamedTuple):
    """Concurrent dispatches: the result and time of each, the total time, and the first status of each with its time.

    Times are in seconds.
    """

    results: list[tuple[DispatchResult, float]]
    total_s: float
    statuses: list[tuple[Job, float]]


async def dispatch_tasks(project: str, tasks: Sequence[str], env: Mapping[str, str]) -> Dispatches:
    """Dispatch all tasks concurrently, then get the status of their jobs concurrently."""
    async with AsyncClient() as client:
        await client.get_info()  # connects before the measurement
        begin = time.perf_counter()
        results = await asyncio.gather(
            *(_measure_time(client.dispatch(project, task, agent="shell", env=env)) for task in tasks)
        )
        total_s = time.perf_counter() - begin
        statuses = await asyncio.gather(*(_measure_time(client.get_job(result.job)) for result, _ in results))
    return Dispatches(results, total_s, statuses)


async def _measure_time(request: Awaitable[T]) -> tuple[T, float]:
    begin = time.perf_counter()
    result = await request
    return result, time.perf_counter() - begin


def measure(client: Client, dispatches: Dispatches, slots: int) -> list[tuple[str, str]]:
    """The measurements, as labels and texts."""
    each = ", ".join(f"{elapsed * 1000:.1f}" for _, elapsed in dispatches.results)
    job = dispatches.results[0][0].job
    rounds = []
    for _ in range(STATUS_ROUNDS):
        begin = time.perf_counter()
        client.get_job(job)
        rounds.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    listed = client.list_jobs()
    listing = time.perf_counter() - begin
    dispatched, completed = _rates(client)
    return [
        ("dispatch", f"{dispatches.total_s * 1000:.1f} ms for {len(dispatches.results)} at once ({each}), all durable"),
        ("status", f"{statistics.median(rounds) * 1e6:.0f} µs, median of {STATUS_ROUNDS}"),
        ("list", f"{listing * 1e6:.0f} µs for {len(listed.jobs)} jobs with counts"),
        ("dispatched", f"{dispatched:.0f} tasks per second ({BURST} times `true`, one after another), all durable"),
        ("tasks", f"{completed:.0f} per second, from dispatch to end (the same {BURST}, {slots} slots)"),
        ("memory", f"{format_size(client.get_info().rss_bytes)} in luziad"),
    ]


def _rates(client: Client) -> tuple[float, float]:
    """Jobs dispatched per second, and jobs per second from the first dispatch to the last end."""
    begin = time.perf_counter()
    jobs = [client.dispatch("demo", argv=["true"]).job for _ in range(BURST)]
    dispatched_s = time.perf_counter() - begin
    client.wait(jobs)
    return BURST / dispatched_s, BURST / (time.perf_counter() - begin)
