"""Keeps the waiting jobs up to date with a daemon, across its restarts: pages first, then events, without polling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

from luzia_protocol import events
from luzia_protocol.replies import JobPage

from luzia_client.tui.fullscreen.connection import Connection
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.state import ReviewState

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
        self._changed = changed
        self._connection = Connection(state.connection, projects, changed)
        self._projects = self._connection.projects
        self._seq = 0

    async def run(self) -> None:
        """Run until cancelled."""
        await self._connection.keep(self._begin, self._apply_events)

    async def _begin(self, newest: JobPage) -> None:
        """List the jobs unless events continue from the last one."""
        if self._state.connection.loading or newest.seq < self._seq:
            self._seq = newest.seq
            await self._list()
        for entry in self._state.waiting.entries:
            entry.is_stale = entry.is_stale or bool(entry.problem)

    async def _list(self) -> None:
        """Take all jobs that wait, the oldest first, and remove those that do not wait any more."""
        found: set[str] = set()
        async for job in self._engine.iter_waiting(self._projects):
            self._state.connection.connection_error = ""
            self._state.waiting.put(job.id, job)
            found.add(job.id)
            self._changed()
        self._state.waiting.keep(found)
        self._state.connection.loading = False

    async def _apply_events(self) -> None:
        subscription = self._connection.client.subscribe(after=self._seq, projects=self._projects)
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
