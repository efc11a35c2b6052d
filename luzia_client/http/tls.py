"""Bounds the TLS handshakes of an HTTP server: who does not complete one gives way to others.

Left to itself, asyncio shows a connection to its server only after the handshake, which may take a minute; until then
nobody could close it.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable

MAX_HANDSHAKES = 64
"""Handshakes in progress; beyond it the oldest of them is given up."""
HANDSHAKE_S = 10.0
"""How long a handshake may take."""
CLOSING_S = 2.0
"""How long a peer may take to say that it closes too."""


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """What the server needs for TLS. cert, key: paths. Raises OSError, of which ssl.SSLError is one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


class TlsAcceptor:
    """Makes the protocols of new connections. make: that of what is inside of TLS."""

    def __init__(self, context: ssl.SSLContext, make: Callable[..., asyncio.Protocol]) -> None:
        self._context = context
        self._make = make
        self._waiting: dict[asyncio.Transport, None] = {}

    def __call__(self, **arguments: object) -> asyncio.BaseProtocol:
        """The protocol of a new connection; `make` gets the arguments."""
        return _Connection(self._context, self._make(**arguments), self._waiting)


class _Connection(SSLProtocol):
    """TLS over a connection. waiting: those whose handshake is not complete, the oldest first."""

    def __init__(
        self, context: ssl.SSLContext, inner: asyncio.Protocol, waiting: dict[asyncio.Transport, None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self._handshake: asyncio.Future[None] = loop.create_future()
        self._waiting = waiting
        super().__init__(
            loop,
            inner,
            context,
            self._handshake,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_S,  # type: ignore[arg-type]
            ssl_shutdown_timeout=CLOSING_S,
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the handshake."""
        self._waiting[transport] = None
        self._handshake.add_done_callback(lambda handshake: self._ended(transport, handshake))
        if len(self._waiting) > MAX_HANDSHAKES:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()
        super().connection_made(transport)

    def _ended(self, transport: asyncio.Transport, handshake: asyncio.Future[None]) -> None:
        self._waiting.pop(transport, None)
        if not handshake.cancelled():
            handshake.exception()  # it was no TLS, took too long, or has given way; the connection is closed then
