"""Several streams on one blocking connection, which continue together after a restart of the daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from luzia_protocol import requests
from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.replies import ErrorBody, decode_frame, encode_request, refused_error
from luzia_client.api.streams import ReconnectDelays, Stream
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import DaemonUnreachableError, connection_lost


class StreamGroup:
    """Streams by number. While nothing reads the items, the daemon sends no more.

    socket: the daemon's socket. reconnect_s: seconds without a daemon after which the failure is raised.
    """

    def __init__(self, socket: str, reconnect_s: float = 60.0) -> None:
        self._socket = socket
        self._delays = ReconnectDelays(reconnect_s)
        self._streams: dict[int, Stream[Any]] = {}
        self._last_number = 0
        self._ending: set[int] = set()
        self._connection: Connection | None = None

    def add(self, stream: Stream[Any]) -> int:
        """Start a stream; returns its number."""
        self._last_number += 1
        self._streams[self._last_number] = stream
        if self._connection is not None:
            try:
                self._request(self._connection, self._last_number)
            except DaemonUnreachableError:
                self._drop()  # the next connection requests all of them
        return self._last_number

    def end(self, number: int) -> None:
        """End a stream: it has no further item, and no longer counts towards the limit of a connection."""
        if self._streams.pop(number, None) is None or self._connection is None:
            return
        self._last_number += 1
        self._ending.add(self._last_number)
        try:
            self._connection.send(encode_request(requests.Unsubscribe(id=self._last_number, stream=number)))
        except DaemonUnreachableError:
            self._drop()

    def items(self) -> Iterator[tuple[int, Any]]:
        """The items, each with the number of its stream; ends when no stream is left.

        The item of a refused stream is the Refused, which is its last. Raises DaemonUnreachableError.
        """
        self._connect(resuming=False)
        while self._streams:
            try:
                number, item = self._receive((self._connection or self._connect(resuming=True)).receive())
            except DaemonUnreachableError as exc:
                self._drop()
                time.sleep(self._delays.next_s(exc))
                continue
            if item is not None:
                yield number, item

    def close(self) -> None:
        """Close the connection, and end its streams."""
        if self._connection is not None:
            ends = (encode_request(requests.Unsubscribe(stream=number)) for number in self._streams)
            self._connection.close(b"".join(ends))
            self._connection = None

    def _drop(self) -> None:
        """Close a connection that is broken."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self, *, resuming: bool) -> Connection:
        """Connect to the daemon and request every stream, from where it is."""
        self._connection = connection = Connection.open(self._socket, autostart=True, resuming=resuming)
        for number in self._streams:
            self._request(connection, number)
        return connection

    def _request(self, connection: Connection, number: int) -> None:
        request = self._streams[number].request()
        connection.send(encode_request(msgspec.structs.replace(request, id=number)))

    def _receive(self, line: bytes) -> tuple[int, Any]:
        """The number of a stream and its item; None for no item."""
        frame = decode_frame(line)
        self._delays.reset()
        number = frame.id if isinstance(frame.id, int) else 0
        if number in self._ending:
            self._ending.discard(number)  # an error means that the stream has just ended by itself
            return number, None
        if frame.error is not None:
            return number, self._remove_refused(number, frame.error)
        stream = self._streams.get(number)
        if stream is None:
            return number, None
        item = stream.receive(frame)
        if stream.done:
            del self._streams[number]
        elif stream.interrupted and self._connection is not None:
            self._request(self._connection, number)
        return number, item

    def _remove_refused(self, number: int, error: ErrorBody) -> Refused | None:
        """The refusal of a stream; None for one that was ended meanwhile."""
        refused = refused_error(error)
        if refused.code is ErrorCode.SHUTTING_DOWN:
            raise connection_lost() from refused
        if number == 0:
            raise refused
        return None if self._streams.pop(number, None) is None else refused
