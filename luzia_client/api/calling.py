"""How Client asks: its connections, and one way for all plain requests and one for all streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar

from luzia_protocol import paths, requests

from luzia_client.api import answers, streams
from luzia_client.api.requests import CHANGES_NOTHING, RESENDABLE
from luzia_client.api.status_cache import StatusCache
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S, ConnectionLostError, DaemonUnreachableError

T = TypeVar("T")


class Calling:
    """What the methods of Client are made of; the arguments are Client's."""

    def __init__(self, socket: str | None = None, autostart: bool = True, reconnect_s: float = 60.0) -> None:
        self.socket = socket or paths.socket_path()
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._cache = StatusCache()
        self._connection: Connection | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next request connects again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _ask(self, request: requests.Request, kind: type[T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """Ask; what a request changes is not answered from memory any more."""
        line = answers.encode(request)
        try:
            if timeout_s > REQUEST_TIMEOUT_S:
                return answers.answer(self._exchange_apart(line, timeout_s), kind)
            return answers.answer(self._exchange_twice(line, timeout_s, isinstance(request, RESENDABLE)), kind)
        finally:
            if not isinstance(request, CHANGES_NOTHING):
                self._cache.clear()

    def _exchange_twice(self, line: bytes, timeout_s: float, resendable: bool) -> bytes:
        """Ask, and ask once more over a new connection where that is safe."""
        with self._lock:
            try:
                return self._exchange(line, timeout_s)
            except ConnectionLostError:
                if not resendable:
                    raise
            return self._exchange(line, timeout_s)

    def _exchange(self, line: bytes, timeout_s: float) -> bytes:
        if self._connection is not None and not self._connection.is_alive():
            self.close()
        if self._connection is None:
            self._connection = Connection.open(self.socket, autostart=self._autostart)
        try:
            self._connection.send(line)
            return self._connection.receive(timeout_s)
        except BaseException:
            # What is still under way on this connection must never be taken for the next answer.
            self.close()
            raise

    def _exchange_apart(self, line: bytes, timeout_s: float) -> bytes:
        """Ask what may take long on a connection of its own, so that other threads need not wait for it."""
        with closing(Connection.open(self.socket, autostart=self._autostart)) as connection:
            connection.send(line)
            return connection.receive(timeout_s)

    def _stream(self, stream: streams.Stream[T]) -> Generator[T, None, None]:
        """Drive a stream on a connection of its own, over as many connections as it takes."""
        connection: Connection | None = Connection.open(self.socket, autostart=self._autostart)
        patience = streams.Patience(self._reconnect_s)
        while True:
            try:
                connection = connection or Connection.open(self.socket, autostart=self._autostart, resuming=True)
                connection.send(answers.encode(stream.request()))
                while not stream.broken:
                    frame = streams.parse(connection.receive())
                    patience.heard()
                    item = stream.take(frame)
                    if item is not None:
                        yield item
                    if stream.over:
                        return
            except DaemonUnreachableError as exc:
                time.sleep(patience.delay(exc))
            finally:
                if connection is not None:
                    connection.close()
                    connection = None
