"""Many requests under way at once on one connection: each answer finds its request by the `id` that it carries."""

from __future__ import annotations

import asyncio

from luzia_protocol.base import Base
from luzia_protocol.errors import Refused

from luzia_client.api import answers
from luzia_client.transport.async_connection import AsyncConnection
from luzia_client.transport.endpoint import ConnectionLostError, UnexpectedAnswerError, connection_lost, reply_timeout


class AsyncPipeline:
    """Asks over a connection that it has for itself. A request that is given up leaves nothing behind."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[answers.Frame]] = {}
        self._reader = asyncio.create_task(self._read())

    def is_alive(self) -> bool:
        """False when the daemon has closed the connection, or nothing more can be understood on it."""
        return not self._reader.done() and self._connection.is_alive()

    async def ask(self, request: Base, timeout_s: float) -> answers.Frame:
        """Send a request and return its answer. Raises ConnectionLostError, also after `timeout_s` without one."""
        if self._reader.done():
            raise connection_lost()
        self._last_id += 1
        number = request.id = self._last_id
        answer: asyncio.Future[answers.Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.push(answers.encode(request))
                return await answer
        except TimeoutError as exc:
            raise reply_timeout() from exc
        finally:
            del self._waiting[number]

    def close(self) -> None:
        """Hang up; requests that are under way raise ConnectionLostError."""
        self._reader.cancel()
        self._connection.close()
        self._fail(connection_lost())

    async def _read(self) -> None:
        """Hand each answer to whoever waits for it, until the connection ends."""
        try:
            while True:
                self._deliver(answers.decode(await self._connection.receive()))
        except (ConnectionLostError, UnexpectedAnswerError, Refused) as exc:
            self._fail(exc)

    def _deliver(self, frame: answers.Frame) -> None:
        if frame.id is None:
            answers.check(frame)  # an error that is about the connection
            raise UnexpectedAnswerError("the daemon's answer does not say what it answers")
        answer = self._waiting.get(frame.id) if isinstance(frame.id, int) else None
        if answer is not None and not answer.done():
            answer.set_result(frame)

    def _fail(self, exc: Exception) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(exc)
