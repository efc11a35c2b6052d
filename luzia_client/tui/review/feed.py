"""Keeps the waiting jobs up to date with a daemon, across its restarts: pages first, then events, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.async_client import AsyncClient
from luzia_client.transport.connection import open_socket
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.state import ReviewState

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 2.0
_MINOR = (events.Progressed, events.Dispatched, events.Starting, events.Edited, events.Held, events.Released)
"""Events after which a job waits for a decision if it did before."""


class Feed:
    """Reads the waiting jobs into `state.waiting`.

    projects: only their jobs; empty for all. changed: called to redraw the screen.
    """

    def __init__(
        self, state: ReviewState, engine: ReviewEngine, projects: Sequence[str], changed: Callable[[], None]
    ) -> None:
        self._state = state
        self._engine = engine
        self._projects = list(projects)
        self._changed = changed
        self._client = AsyncClient(autostart=False, reconnect_s=0.0)
        self._seq = 0

    async def run(self) -> None:
        """Run until cancelled."""
        delay_s = FIRST_DELAY_S
        while True:
            try:
                await self._connect()
                delay_s = FIRST_DELAY_S
                await self._apply_events()
            except Refused as refused:
                if refused.code is ErrorCode.EVENTS_EXPIRED:
                    self._state.loading = True
                    continue
                self._report_error(refused.message)
            except (DaemonUnreachableError, UnexpectedAnswerError) as exc:
                self._report_error(exc.message)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, MAX_DELAY_S)

    def _report_error(self, reason: str) -> None:
        self._state.connection_error = f"retrying: {reason}"
        self._changed()

    async def _connect(self) -> None:
        """Connect, restarting a crashed daemon, and list the jobs unless events continue from the last one."""
        (await asyncio.to_thread(open_socket, self._client.socket, autostart=True, resuming=True)).close()
        newest = await self._client.list_jobs(projects=self._projects, limit=1)
        if self._state.loading or newest.seq < self._seq:
            self._seq = newest.seq
            await self._list()
        for entry in self._state.waiting.entries:
            entry.is_stale = entry.is_stale or bool(entry.problem)
        self._state.connection_error = ""
        self._changed()

    async def _list(self) -> None:
        """Take all jobs that wait, the oldest first, and remove those that do not wait any more."""
        found: set[str] = set()
        async for job in self._engine.iter_waiting(self._projects):
            self._state.connection_error = ""
            self._state.waiting.put(job.id, job)
            found.add(job.id)
            self._changed()
        self._state.waiting.keep(found)
        self._state.loading = False

    async def _apply_events(self) -> None:
        subscription = self._client.subscribe(after=self._seq, projects=self._projects)
        async with aclosing(subscription) as stream:  # type: ignore[type-var]
            async for event in stream:
                if not isinstance(event, _MINOR):
                    await self._look_at(event.job)
                if isinstance(event, events.Collided):
                    await self._look_at(event.collision.job)
                self._seq = event.seq

    async def _look_at(self, name: str) -> None:
        """Ask whether a job waits now."""
        waiting = self._state.waiting
        before = waiting.get(name)
        name, job = await self._engine.find_waiting(name)
        known = waiting.get(name)
        if (known is not None and known.busy) or (before is not None and known is not before):
            return  # it is being decided, or was decided after the answer: the event of that follows
        shown = waiting.current is known and known is not None
        waiting.put(name, job)
        if shown and job is None:
            self._state.message = f"job {name} does not wait any more: it was continued, merged or discarded elsewhere"
        self._changed()
