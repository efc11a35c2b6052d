"""What `luzia demo` asks of its daemon and measures: five dispatches at once, each job by itself, all in a list."""

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
    """How the jobs began: the answers and what each of them took, what all took together, and each job right after.

    Times are seconds.
    """

    dispatched: list[tuple[DispatchResult, float]]
    together_s: float
    polled: list[tuple[Job, float]]


async def dispatch_tasks(project: str, tasks: Sequence[str], env: Mapping[str, str]) -> Dispatches:
    """Dispatch all tasks at the same time, and ask for each of their jobs, at the same time as well."""
    async with AsyncClient() as client:
        await client.get_info()  # it is connected before the clock starts
        begin = time.perf_counter()
        answers = await asyncio.gather(
            *(_timed(client.dispatch(project, task, agent="shell", env=env)) for task in tasks)
        )
        together_s = time.perf_counter() - begin
        polled = await asyncio.gather(*(_timed(client.get_job(answer.job)) for answer, _ in answers))
    return Dispatches(answers, together_s, polled)


async def _timed(asked: Awaitable[T]) -> tuple[T, float]:
    begin = time.perf_counter()
    answer = await asked
    return answer, time.perf_counter() - begin


def measure(client: Client, begun: Dispatches, slots: int) -> list[tuple[str, str]]:
    """What was measured, as names and words."""
    each = ", ".join(f"{elapsed * 1000:.1f}" for _, elapsed in begun.dispatched)
    job = begun.dispatched[0][0].job
    rounds = []
    for _ in range(STATUS_ROUNDS):
        begin = time.perf_counter()
        client.get_job(job)
        rounds.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    listed = client.list_jobs()
    listing = time.perf_counter() - begin
    return [
        ("dispatch", f"{begun.together_s * 1000:.1f} ms for {len(begun.dispatched)} at once ({each}); all on disk"),
        ("status", f"{statistics.median(rounds) * 1e6:.0f} µs the median of {STATUS_ROUNDS}"),
        ("list", f"{listing * 1e6:.0f} µs for {len(listed.jobs)} jobs and their counts"),
        ("tasks", f"{_rate(client):.0f} a second, from dispatch to end ({BURST} times `true`, {slots} slots)"),
        ("memory", f"{format_size(client.get_info().rss_bytes)} in luziad"),
    ]


def _rate(client: Client) -> float:
    """Jobs that end in a second, from the dispatch of the first on."""
    begin = time.perf_counter()
    client.wait([client.dispatch("demo", argv=["true"]).job for _ in range(BURST)])
    return BURST / (time.perf_counter() - begin)
