"""Concurrent requests on one connection: each reply carries the `id` of its request."""

from __future__ import annotations

import asyncio

from luzia_protocol.base import Base
from luzia_protocol.errors import Refused

from luzia_client.api.replies import Frame, check_frame, decode_frame, encode_request
from luzia_client.transport.async_connection import AsyncConnection
from luzia_client.transport.endpoint import (
    ConnectionLostError,
    UnexpectedAnswerError,
    connection_lost,
    reply_timeout,
)


class AsyncPipeline:
    """Makes concurrent requests on a connection that it owns. A cancelled request leaves nothing behind."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._last_id = 0
        self._pending: dict[int, asyncio.Future[Frame]] = {}
        self._reader = asyncio.create_task(self._read())

    def is_alive(self) -> bool:
        """False when the daemon has closed the connection, or has sent an invalid line."""
        return not self._reader.done() and self._connection.is_alive()

    async def request(self, request: Base, timeout_s: float) -> Frame:
        """Send a request and return its reply. Raises ConnectionLostError, also after `timeout_s` without one."""
        if self._reader.done():
            raise connection_lost()
        self._last_id += 1
        number = request.id = self._last_id
        line = encode_request(request)
        reply: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[number] = reply
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.push(line)
                return await reply
        except TimeoutError as exc:
            raise reply_timeout() from exc
        finally:
            del self._pending[number]

    def close(self) -> None:
        """Close the connection; pending requests raise ConnectionLostError."""
        self._reader.cancel()
        self._connection.close()
        self._fail(connection_lost())

    async def _read(self) -> None:
        """Deliver each reply to its request, until the connection ends."""
        try:
            while True:
                self._deliver(decode_frame(await self._connection.receive()))
        except (ConnectionLostError, UnexpectedAnswerError, Refused) as exc:
            self._fail(exc)

    def _deliver(self, frame: Frame) -> None:
        if frame.id is None:
            check_frame(frame)  # an error that concerns the connection
            raise UnexpectedAnswerError("the daemon's reply has no request id")
        reply = self._pending.get(frame.id) if isinstance(frame.id, int) else None
        if reply is not None and not reply.done():
            reply.set_result(frame)

    def _fail(self, exc: Exception) -> None:
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(exc)
