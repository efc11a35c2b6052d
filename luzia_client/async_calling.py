"""How AsyncClient asks: its connections, and one way for all plain requests and one for all streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self, TypeVar

from luzia_protocol import paths, requests

from luzia_client import answers, streams
from luzia_client.asking import RESENDABLE
from luzia_client.async_connection import AsyncConnection
from luzia_client.connection import REQUEST_TIMEOUT_S, ConnectionLostError, DaemonUnreachableError
from luzia_client.status_cache import StatusCache

T = TypeVar("T")


class AsyncCalling:
    """What the methods of AsyncClient are made of; the arguments are AsyncClient's."""

    def __init__(self, socket: str | None = None, autostart: bool = True, reconnect_s: float = 60.0) -> None:
        self.socket = socket or paths.socket_path()
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._cache = StatusCache()
        self._connection: AsyncConnection | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; the next request connects again."""
        self._drop()

    async def _ask(self, request: requests.Request, kind: type[T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """Ask, and ask once more over a new connection where that is safe."""
        line = answers.encode(request)
        async with self._lock:
            try:
                return answers.answer(await self._exchange(line, timeout_s), kind)
            except ConnectionLostError:
                if not isinstance(request, RESENDABLE):
                    raise
            return answers.answer(await self._exchange(line, timeout_s), kind)

    async def _exchange(self, line: bytes, timeout_s: float) -> bytes:
        if self._connection is not None and not self._connection.is_alive():
            self._drop()
        if self._connection is None:
            self._connection = await AsyncConnection.open(self.socket, autostart=self._autostart)
        try:
            return await self._connection.ask(line, timeout_s)
        except BaseException:
            # What is still under way on this connection must never be taken for the next answer.
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _stream(self, stream: streams.Stream[T]) -> AsyncGenerator[T, None]:
        """Drive a stream on a connection of its own, over as many connections as it takes."""
        connection: AsyncConnection | None = await AsyncConnection.open(self.socket, autostart=self._autostart)
        patience = streams.Patience(self._reconnect_s)
        while True:
            try:
                connection = connection or await AsyncConnection.open(
                    self.socket, autostart=self._autostart, resuming=True
                )
                await connection.send(answers.encode(stream.request()))
                while not stream.broken:
                    frame = streams.parse(await connection.receive())
                    patience.heard()
                    item = stream.take(frame)
                    if item is not None:
                        yield item
                    if stream.over:
                        return
            except DaemonUnreachableError as exc:
                await asyncio.sleep(patience.delay(exc))
            finally:
                if connection is not None:
                    connection.close()
                    connection = None
