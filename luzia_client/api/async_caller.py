"""How AsyncClient makes its requests: the connections, plain requests, streams, and the status cache."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from luzia_protocol import replies, requests
from luzia_protocol.errors import Refused
from luzia_protocol.events import Event
from luzia_protocol.framing import MAX_FRAME_BYTES
from luzia_protocol.jobs import Job
from luzia_protocol.output import FollowEnd, Output

from luzia_client.api import streams
from luzia_client.api.errors import ClientStateError, client_closed
from luzia_client.api.graph_parts import split_graph, too_large
from luzia_client.api.replies import Frame, check_frame, decode_frame, encode_request, reply_in
from luzia_client.api.requests import READ_ONLY, RESENDABLE, is_full_id
from luzia_client.api.status_cache import StatusCache
from luzia_client.transport import endpoint
from luzia_client.transport.async_connection import AsyncConnection

T = TypeVar("T")
U = TypeVar("U")


class AsyncCaller:
    """Makes requests over one connection, and streams over a connection each. Tasks of one event loop may share one.

    The arguments are those of Caller.
    """

    def __init__(self, socket: str, autostart: bool, reconnect_s: float) -> None:
        self.socket = socket
        self.closed = False
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._cache = StatusCache()
        self._pipeline: AsyncPipeline | None = None
        self._connecting = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Close the connection for good: every later request raises ClientStateError."""
        self.closed = True
        await self.disconnect()

    async def disconnect(self) -> None:
        """Close the connection; the next request opens another."""
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None

    async def request(
        self, request: requests.Request, kind: type[T], timeout_s: float = endpoint.REQUEST_TIMEOUT_S
    ) -> T:
        """Send a request and return its reply."""
        try:
            return reply_in(await self._exchange(request, timeout_s), kind)
        finally:
            if not isinstance(request, READ_ONLY):
                self._cache.clear()

    async def select(self, request: requests.Request, kind: type[T], part: Callable[[T], U]) -> U:
        """Send a request and return a part of its reply."""
        return part(await self.request(request, kind))

    async def graph(self, graph: requests.Graph) -> replies.GraphResult:
        """Dispatch a graph, in parts if it is too large for one line. It has a key, so it may be sent again."""
        parts, last = split_graph(graph)
        if not parts:
            return await self.request(graph, replies.GraphResult)
        try:
            return await self._exchange_parts(parts, last)
        except endpoint.ConnectionLostError:
            return await self._exchange_parts(parts, last)
        finally:
            self._cache.clear()

    async def _exchange_parts(self, parts: list[requests.GraphPart], last: requests.Graph) -> replies.GraphResult:
        """Send the parts and the graph, all over a connection of their own."""
        pipeline = AsyncPipeline(await self._connect())
        try:
            for part in parts:
                reply_in(await pipeline.request(part, endpoint.REQUEST_TIMEOUT_S), replies.GraphPartResult)
            return reply_in(await pipeline.request(last, endpoint.REQUEST_TIMEOUT_S), replies.GraphResult)
        finally:
            pipeline.close()

    async def job(self, job: str, use_cache: bool = False) -> Job:
        """A job's status, from the cache if allowed."""
        found = self._cache.get(job) if use_cache else None
        if found is None:
            found = (await self.request(requests.Status(job=job), replies.StatusResult)).job
            self._cache.put(job, found)
        return found

    async def follow(self, request: requests.Follow) -> AsyncGenerator[Output | FollowEnd, None]:
        """The items of a FollowStream."""
        request.job = await self._full_id(request.job)
        async with aclosing(self._stream(streams.FollowStream(request))) as items:
            async for item in items:
                yield item

    async def wait(self, jobs: list[str], timeout_s: float | None, waiter: str | None = None) -> replies.WaitResult:
        """The reply of a WaitStream."""
        stream = streams.WaitStream([await self._full_id(job) for job in jobs], timeout_s, waiter)
        async with aclosing(self._stream(stream)) as items:
            return await anext(items)

    async def subscribe(self, request: requests.Subscribe) -> AsyncGenerator[Event, None]:
        """The items of an EventStream, which starts at the newest event of now when `after` is None."""
        if request.after is None:
            request.after = (await self.request(requests.List(limit=1), replies.JobPage)).seq
        request.jobs = [await self._full_id(job) for job in request.jobs]
        async with aclosing(self._stream(streams.EventStream(request))) as items:
            async for item in items:
                yield item

    async def _full_id(self, job: str) -> str:
        """The job's complete id: a part of one, or `@last`, may match another job after a reconnection."""
        return job if is_full_id(job) else (await self.job(job)).id

    async def _exchange(self, request: requests.Request, timeout_s: float) -> Frame:
        """Send a request and return the reply; over a new connection, once more where that is safe."""
        try:
            return await (await self._connected()).request(request, timeout_s)
        except endpoint.ConnectionLostError:
            if not isinstance(request, RESENDABLE) or self.closed:
                raise
        return await (await self._connected()).request(request, timeout_s)

    async def _connected(self) -> AsyncPipeline:
        """The connection that all plain requests share."""
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise ClientStateError(
                "the client belongs to another event loop", "Create an AsyncClient for each event loop."
            )
        self._loop = loop
        async with self._connecting:
            if self._pipeline is None or not self._pipeline.is_alive():
                await self.disconnect()
                self._pipeline = AsyncPipeline(await self._connect())
            return self._pipeline

    async def _connect(self, *, resuming: bool = False) -> AsyncConnection:
        if self.closed:
            raise client_closed()
        return await AsyncConnection.open(self.socket, autostart=self._autostart, resuming=resuming)

    async def _stream(self, stream: streams.Stream[T]) -> AsyncGenerator[T, None]:
        """Run a stream on a connection of its own, and on another after each loss."""
        connection: AsyncConnection | None = await self._connect()
        delays = streams.ReconnectDelays(self._reconnect_s)
        while True:
            try:
                connection = connection or await self._connect(resuming=True)
                await connection.send(streams.encode_stream_request(stream))
                while not stream.interrupted:
                    frame = streams.parse_stream_frame(await connection.receive())
                    delays.reset()
                    item = stream.receive(frame)
                    if item is not None:
                        yield item
                    if stream.done:
                        return
            except endpoint.DaemonUnreachableError as exc:
                if connection is not None:
                    connection.close()
                    connection = None
                await asyncio.sleep(delays.next_s(exc))
            finally:
                if connection is not None:
                    connection.close(b"" if stream.done or stream.interrupted else streams.END)
                    connection = None


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

    async def request(self, request: requests.Request, timeout_s: float) -> Frame:
        """Send a request and return its reply. Raises ConnectionLostError, also after `timeout_s` without one.

        Raises Refused for a request that is too large: the daemon would close the connection, on which others wait.
        """
        if self._reader.done():
            raise endpoint.connection_lost()
        self._last_id += 1
        number = request.id = self._last_id
        line = encode_request(request)
        if len(line) > MAX_FRAME_BYTES:
            raise too_large(len(line), "request")
        reply: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[number] = reply
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.push(line)
                return await reply
        except TimeoutError as exc:
            raise endpoint.reply_timeout() from exc
        finally:
            del self._pending[number]

    def close(self) -> None:
        """Close the connection; pending requests raise ConnectionLostError."""
        self._reader.cancel()
        self._connection.close()
        self._fail(endpoint.connection_lost())

    async def _read(self) -> None:
        """Deliver each reply to its request, until the connection ends."""
        try:
            while True:
                self._deliver(decode_frame(await self._connection.receive()))
        except (endpoint.ConnectionLostError, endpoint.UnexpectedAnswerError, Refused) as exc:
            self._fail(exc)

    def _deliver(self, frame: Frame) -> None:
        if frame.id is None:
            check_frame(frame)  # an error that concerns the connection
            raise endpoint.UnexpectedAnswerError("the daemon's reply has no request id")
        reply = self._pending.get(frame.id) if isinstance(frame.id, int) else None
        if reply is not None and not reply.done():
            reply.set_result(frame)

    def _fail(self, exc: Exception) -> None:
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(exc)
