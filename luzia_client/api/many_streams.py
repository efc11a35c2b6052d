"""Many long-running requests on one connection, which survive a restart of the daemon together. Blocking."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api import answers, streams
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import DaemonUnreachableError, connection_lost


class ManyStreams:
    """Streams by their numbers. As long as nobody takes what they bring, the daemon waits with the rest.

    socket: the daemon's. reconnect_s: seconds without any answer after which the failure is raised.
    """

    def __init__(self, socket: str, reconnect_s: float = 60.0) -> None:
        self._socket = socket
        self._patience = streams.Patience(reconnect_s)
        self._streams: dict[int, streams.Stream[Any]] = {}
        self._newest = 0
        self._connection: Connection | None = None

    def add(self, stream: streams.Stream[Any]) -> int:
        """Ask for one more; returns its number."""
        self._newest += 1
        self._streams[self._newest] = stream
        if self._connection is not None:
            try:
                self._ask(self._connection, self._newest)
            except DaemonUnreachableError:
                self.close()  # the next connection asks for all of them
        return self._newest

    def items(self) -> Iterator[tuple[int, Any]]:
        """What comes, with the number of its stream; ends when no stream is left.

        A stream that is refused brings the Refused, and is over. Raises DaemonUnreachableError.
        """
        self._connect(resuming=False)
        while self._streams:
            try:
                number, item = self._take((self._connection or self._connect(resuming=True)).receive())
            except DaemonUnreachableError as exc:
                self.close()
                time.sleep(self._patience.delay(exc))
                continue
            if item is not None:
                yield number, item

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self, *, resuming: bool) -> Connection:
        """Reach the daemon and ask for every stream, from where it is."""
        self._connection = connection = Connection.open(self._socket, autostart=True, resuming=resuming)
        for number in self._streams:
            self._ask(connection, number)
        return connection

    def _ask(self, connection: Connection, number: int) -> None:
        request = self._streams[number].request()
        connection.send(answers.encode(msgspec.structs.replace(request, id=number)))

    def _take(self, line: bytes) -> tuple[int, Any]:
        """The number of a stream and what a line brings of it; None for nothing."""
        frame = answers.decode(line)
        self._patience.heard()
        number = frame.id if isinstance(frame.id, int) else 0
        if frame.error is not None:
            return number, self._refused(number, frame.error)
        stream = self._streams.get(number)
        if stream is None:
            return number, None
        item = stream.take(frame)
        if stream.over:
            del self._streams[number]
        elif stream.broken and self._connection is not None:
            self._ask(self._connection, number)
        return number, item

    def _refused(self, number: int, error: answers.Refusal) -> Refused:
        refused = answers.refused(error.code, error.message, error.hint)
        if refused.code is ErrorCode.SHUTTING_DOWN:
            raise connection_lost() from refused
        if self._streams.pop(number, None) is None:
            raise refused
        return refused
