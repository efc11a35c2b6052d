"""Waits for jobs, for a bounded time, and tells meanwhile how far they are."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from luzia_protocol import requests
from luzia_protocol.errors import ErrorCode, LuziaError, Refused
from luzia_protocol.events import Event, EventKind
from luzia_protocol.jobs import Job

from luzia_client.cli.show.formatting import shown_percent
from luzia_client.mcp.hub.call import Call
from luzia_client.mcp.hub.results import describe_progress
from luzia_client.mcp.hub.session import Session

_KINDS: list[EventKind] = ["started", "progress", "asked", "ended", "requeued", "paused"]


async def wait_for(call: Call, jobs: list[str], timeout_s: float) -> list[Job]:
    """The jobs when all have ended, when one asks a question, or when the time is over.

    While it waits, the job in which the caller runs lends its slots to those that it waits for.
    """
    session = call.session
    seq = await session.newest_event()
    found = [await session.job(job) for job in jobs]
    if timeout_s and not all(job.state.is_final for job in found) and not any(job.question for job in found):
        ids = [job.id for job in found]
        ended = session.daemon.wait(ids, None, session.parent or "")
        attention = _until_asked(call, ids, seq)
        await _first(ended, attention, timeout_s=timeout_s)
        found = [await session.job(job) for job in ids]
    return found


async def _first(*works: Awaitable[object], timeout_s: float) -> None:
    """Return when one of the works is done, or the time is over; the others are cancelled. Raises what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _until_asked(call: Call, jobs: list[str], seq: int) -> None:
    """Tell the progress of the jobs until one of them asks a question."""
    started = time.monotonic()
    async for event in _follow(call.session, jobs, seq, _KINDS):
        if event is None:
            if any([(await call.session.job(job)).question for job in jobs]):
                return
            continue
        if event.__struct_config__.tag == "asked":
            return
        job = await call.session.job(event.job)
        words = describe_progress(job) or job.state.value
        percent = shown_percent(job) if len(jobs) == 1 else None
        if percent is not None:
            await call.tell_progress(percent, 100, f"{job.id}: {words}")
        else:
            await call.tell_progress(round(time.monotonic() - started, 1), None, f"{job.id}: {words}")


Watch = Callable[[str], Awaitable[None]]


async def watch(session: Session, jobs: list[str], changed: Watch, after: int | None = None) -> None:
    """Call `changed` with the id of each of the jobs that something has happened to, until this is cancelled.

    after: the number of an event: only later ones are told; None for those from now on. Where events are lost for good,
    something may have happened to each of the jobs.
    """
    async for event in _follow(session, jobs, after):
        for job in jobs if event is None else [event.job]:
            await changed(job)


async def _follow(
    session: Session, jobs: list[str], after: int | None, kinds: Sequence[EventKind] = ()
) -> AsyncIterator[Event | None]:
    """The events of jobs; None where the daemon no longer has those that come next, and later ones follow."""
    while True:
        request = requests.Subscribe(jobs=jobs, after=after, kinds=list(kinds))
        try:
            async for event in session.daemon.subscribe(request):
                yield event
        except Refused as refused:
            if refused.code is not ErrorCode.EVENTS_EXPIRED:
                raise
            after = await session.newest_event()
            yield None
        else:
            return


def log_end(exc: LuziaError) -> None:
    """Tell in the log of the hub that a subscription has ended since the daemon is gone for good."""
    print(f"luzia mcp: a subscription has ended: {exc.message}", file=sys.stderr, flush=True)
