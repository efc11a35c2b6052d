"""How Client makes its requests: the connections, plain requests, streams, and the status cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

from luzia_protocol import replies, requests
from luzia_protocol.events import Event
from luzia_protocol.jobs import Job
from luzia_protocol.output import FollowEnd, Output

from luzia_client.api import streams
from luzia_client.api.errors import client_closed
from luzia_client.api.graph_parts import split_graph
from luzia_client.api.replies import decode_frame, encode_request, reply_in
from luzia_client.api.requests import READ_ONLY, RESENDABLE, is_full_id
from luzia_client.api.status_cache import StatusCache
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S, ConnectionLostError, DaemonUnreachableError

T = TypeVar("T")
U = TypeVar("U")


class Caller:
    """Makes requests over one connection, and streams over a connection each. Threads may share one.

    socket: the daemon's socket. autostart: start the daemon when none is listening. reconnect_s: seconds that a stream
    continues without a daemon.
    """

    def __init__(self, socket: str, autostart: bool, reconnect_s: float) -> None:
        self.socket = socket
        self.closed = False
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._cache = StatusCache()
        self._connection: Connection | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the connection for good: every later request raises ClientStateError."""
        with self._lock:
            self.closed = True
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection; the next request opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def request(self, request: requests.Request, kind: type[T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """Send a request and return its reply."""
        line = encode_request(request)
        try:
            if timeout_s > REQUEST_TIMEOUT_S:
                return reply_in(decode_frame(self._exchange_apart(line, timeout_s)), kind)
            return reply_in(decode_frame(self._exchange(line, timeout_s, isinstance(request, RESENDABLE))), kind)
        finally:
            if not isinstance(request, READ_ONLY):
                self._cache.clear()

    def select(self, request: requests.Request, kind: type[T], part: Callable[[T], U]) -> U:
        """Send a request and return a part of its reply."""
        return part(self.request(request, kind))

    def graph(self, graph: requests.Graph) -> replies.GraphResult:
        """Dispatch a graph, in parts if it is too large for one line. It has a key, so it may be sent again."""
        parts, last = split_graph(graph)
        if not parts:
            return self.request(graph, replies.GraphResult)
        try:
            return self._exchange_parts(parts, last)
        except ConnectionLostError:
            return self._exchange_parts(parts, last)
        finally:
            self._cache.clear()

    def _exchange_parts(self, parts: list[requests.GraphPart], last: requests.Graph) -> replies.GraphResult:
        """Send the parts and the graph, all over a connection of their own."""
        with closing(self._connect()) as connection:
            for part in parts:
                connection.send(encode_request(part))
                reply_in(decode_frame(connection.receive(REQUEST_TIMEOUT_S)), replies.GraphPartResult)
            connection.send(encode_request(last))
            return reply_in(decode_frame(connection.receive(REQUEST_TIMEOUT_S)), replies.GraphResult)

    def job(self, job: str, use_cache: bool = False) -> Job:
        """A job's status, from the cache if allowed."""
        found = self._cache.get(job) if use_cache else None
        if found is None:
            found = self.request(requests.Status(job=job), replies.StatusResult).job
            self._cache.put(job, found)
        return found

    def follow(self, request: requests.Follow) -> Generator[Output | FollowEnd, None, None]:
        """The items of a FollowStream."""
        request.job = self._full_id(request.job)
        return self._stream(streams.FollowStream(request))

    def wait(self, jobs: list[str], timeout_s: float | None) -> replies.WaitResult:
        """The reply of a WaitStream."""
        stream = streams.WaitStream([self._full_id(job) for job in jobs], timeout_s)
        with closing(self._stream(stream)) as items:
            return next(items)

    def subscribe(self, request: requests.Subscribe) -> Generator[Event, None, None]:
        """The items of an EventStream, which starts at the newest event of now when `after` is None."""
        if request.after is None:
            request.after = self.request(requests.List(limit=1), replies.JobPage).seq
        request.jobs = [self._full_id(job) for job in request.jobs]
        return self._stream(streams.EventStream(request))

    def _full_id(self, job: str) -> str:
        """The job's complete id: a part of one, or `@last`, may match another job after a reconnection."""
        return job if is_full_id(job) else self.job(job).id

    def _exchange(self, line: bytes, timeout_s: float, resendable: bool) -> bytes:
        """Send a line and return the reply; over a new connection, once more where that is safe."""
        with self._lock:
            try:
                return self._exchange_once(line, timeout_s)
            except ConnectionLostError:
                if not resendable:
                    raise
            return self._exchange_once(line, timeout_s)

    def _exchange_once(self, line: bytes, timeout_s: float) -> bytes:
        if self._connection is not None and not self._connection.is_alive():
            self.disconnect()
        if self._connection is None:
            self._connection = self._connect()
        try:
            self._connection.send(line)
            return self._connection.receive(timeout_s)
        except BaseException:
            # A reply that is still to come must never be taken for that of the next request.
            self.disconnect()
            raise

    def _exchange_apart(self, line: bytes, timeout_s: float) -> bytes:
        """Exchange lines on a connection of their own, so that a slow request blocks no other thread."""
        with closing(self._connect()) as connection:
            connection.send(line)
            return connection.receive(timeout_s)

    def _connect(self, *, resuming: bool = False) -> Connection:
        if self.closed:
            raise client_closed()
        return Connection.open(self.socket, autostart=self._autostart, resuming=resuming)

    def _stream(self, stream: streams.Stream[T]) -> Generator[T, None, None]:
        """Run a stream on a connection of its own, and on another after each loss."""
        connection: Connection | None = self._connect()
        delays = streams.ReconnectDelays(self._reconnect_s)
        while True:
            try:
                connection = connection or self._connect(resuming=True)
                connection.send(streams.encode_stream_request(stream))
                while not stream.interrupted:
                    frame = streams.parse_stream_frame(connection.receive())
                    delays.reset()
                    item = stream.receive(frame)
                    if item is not None:
                        yield item
                    if stream.done:
                        return
            except DaemonUnreachableError as exc:
                if connection is not None:
                    connection.close()
                    connection = None
                time.sleep(delays.next_s(exc))
            finally:
                if connection is not None:
                    connection.close(b"" if stream.done or stream.interrupted else streams.END)
                    connection = None
