"""How AsyncClient asks: its connections, and one way for all plain requests and one for all streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self, TypeVar

from luzia_protocol import paths, requests

from luzia_client.api import answers, streams
from luzia_client.api.async_pipeline import AsyncPipeline
from luzia_client.api.requests import CHANGES_NOTHING, RESENDABLE
from luzia_client.api.status_cache import StatusCache
from luzia_client.transport.async_connection import AsyncConnection
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S, ConnectionLostError, DaemonUnreachableError

T = TypeVar("T")


class AsyncCalling:
    """What the methods of AsyncClient are made of; the arguments are AsyncClient's."""

    def __init__(self, socket: str | None = None, autostart: bool = True, reconnect_s: float = 60.0) -> None:
        self.socket = socket or paths.socket_path()
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._cache = StatusCache()
        self._pipeline: AsyncPipeline | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None

    async def _ask(self, request: requests.Request, kind: type[T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """Ask; what a request changes is not answered from memory any more."""
        try:
            return answers.accept(await self._exchange(request, timeout_s), kind)
        finally:
            if not isinstance(request, CHANGES_NOTHING):
                self._cache.clear()

    async def _exchange(self, request: requests.Request, timeout_s: float) -> answers.Frame:
        """Ask, and ask once more over a new connection where that is safe."""
        try:
            return await (await self._connected()).ask(request, timeout_s)
        except ConnectionLostError:
            if not isinstance(request, RESENDABLE):
                raise
        return await (await self._connected()).ask(request, timeout_s)

    async def _connected(self) -> AsyncPipeline:
        """The connection that all plain requests share."""
        async with self._connecting:
            if self._pipeline is None or not self._pipeline.is_alive():
                await self.close()
                self._pipeline = AsyncPipeline(await AsyncConnection.open(self.socket, autostart=self._autostart))
            return self._pipeline

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
