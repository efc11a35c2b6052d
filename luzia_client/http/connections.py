"""Bounds the connections of an HTTP server: peers that send no request, or read no reply, give way to others.

Every user of the machine can connect to a port of the loopback interface, and uvicorn waits forever for a request, and
for its reply to be read. Such connections would use up its files, and nobody else could connect.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_WAITING = 64
"""Connections that wait for their peers: for a whole request, or until a reply is read; beyond it the oldest of them is
closed. With more connections than this, each is closed after its next reply."""
BACKLOG = 32
"""Connections that wait to be accepted. asyncio takes as many at once, before any of them can be closed."""
REQUEST_S = 30.0
"""How long a request may take to come whole, and how long a peer may read nothing of a reply."""
_CLOSE = (b"connection", b"close")


class BoundedProtocol(H11Protocol):
    """A connection of uvicorn that is closed when its peer keeps it waiting, or others wait for its place."""

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

    def handle_events(self) -> None:
        """Take the next request; if there are many connections, this one is closed after the reply."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_started and len(self.connections) > MAX_WAITING:
            self.cycle.default_headers = [*self.cycle.default_headers, _CLOSE]

    def on_response_complete(self) -> None:
        """Wait for the next request, or until the reply is read."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Wait until a part of the reply is read."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Write on."""
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether nothing happens until its peer sends or reads something."""
        if self.transport.is_closing():
            return self.transport.get_write_buffer_size() > 0
        is_answered = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        return self.flow.write_paused or not is_answered

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
