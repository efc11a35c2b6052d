"""Bounds the connections of an HTTP server: who has not asked anything gives way to others.

Every user of the machine can connect to a port of the loopback interface, and uvicorn waits for a request forever.
Silent connections would use up its files, and nobody else could connect.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_WAITING = 64
"""Connections whose next request has not come whole; beyond it the oldest of them is closed."""
BACKLOG = 32
"""Connections that wait to be accepted. asyncio takes as many at once, before any of them can be closed."""
REQUEST_S = 30.0
"""How long a request may take to come whole."""


class BoundedProtocol(H11Protocol):
    """A connection of uvicorn that is closed when its request does not come in time, or others wait for its place."""

    _since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._watch()
        waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and each.is_waiting]
        if len(waiting) > MAX_WAITING:
            min(waiting, key=lambda each: each._since).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether it is open, and no request is being answered."""
        is_answered = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        return not is_answered and not self.transport.is_closing()

    def _watch(self) -> None:
        if self not in self.connections or not self.is_waiting:
            self._stop_timer()  # it has become a WebSocket, or is being answered
        elif self._timer is None:
            self._since = monotonic()
            self._timer = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
