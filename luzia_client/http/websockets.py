"""Bounds the web sockets of an HTTP server: a peer that reads nothing is not read from, and then closed."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from luzia_client.http import connections

MAX_FRAMES = 1000
"""Frames of one message; a page sends one."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A web socket of uvicorn that answers no more pings than its peer reads answers, and does not wait for it forever.

    Nothing else ends a web socket whose peer has gone without a word, and its streams take connections of the daemon.
    """

    _timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take a part of a message, or a ping."""
        super().data_received(data)
        if len(self.frames) > MAX_FRAMES:
            self.transport.abort()
        elif self._timer is not None:
            self.transport.pause_reading()  # `receive` has resumed it for the next message

    def pause_writing(self) -> None:
        """Read nothing until the peer reads."""
        super().pause_writing()
        if self._timer is None:
            self._timer = self.loop.call_later(connections.REQUEST_S, self.transport.abort)
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on, unless a message waits to be handled."""
        super().resume_writing()
        self._stop_timer()
        if not self.read_paused:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
