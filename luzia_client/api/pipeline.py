"""Many requests at once on one blocking connection: they are sent ahead of the replies, so that they share commits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TypeVar

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.framing import MAX_FRAME_BYTES

from luzia_client.api.graph_parts import too_large
from luzia_client.api.replies import decode_field, decode_frame, encode_request, refused_error
from luzia_client.transport.connection import Connection
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S

MAX_AHEAD = 500
"""Requests without a reply."""
MAX_AHEAD_BYTES = 512 * 1024

T = TypeVar("T")


def exchange_each(
    socket: str,
    requests: Iterable[msgspec.Struct],
    kind: type[T],
    timeout_s: float = REQUEST_TIMEOUT_S,
    ahead: int = MAX_AHEAD,
) -> Iterator[T | Refused]:
    """The reply to each request, or its refusal, in the order of the requests, which the daemon carries out in order.

    socket: the daemon's. kind: the type of the replies. timeout_s: how long the next reply may take, in seconds.
    ahead: how many requests may be without a reply; with 1 each is sent after the reply to the one before.

    Raises Refused for an error that concerns the connection. Raises ConnectionLostError; then it is not known which of
    the requests without a reply were carried out.
    """
    with closing(Connection.open(socket, autostart=True)) as connection:
        sizes: deque[int] = deque()
        replies: dict[int, T | Refused] = {}
        sent = answered = 0
        for line in map(encode_request, _numbered(requests)):
            while sizes and (len(sizes) >= ahead or sum(sizes) + len(line) > MAX_AHEAD_BYTES):
                yield _receive(connection, answered, replies, kind, timeout_s)
                answered += 1
                sizes.popleft()
            if len(line) <= MAX_FRAME_BYTES:
                connection.send_ahead(line)
                sizes.append(len(line))
            else:
                replies[sent] = too_large(len(line))
                sizes.append(0)
            sent += 1
        while answered < sent:
            yield _receive(connection, answered, replies, kind, timeout_s)
            answered += 1


def _numbered(requests: Iterable[msgspec.Struct]) -> Iterator[msgspec.Struct]:
    for number, request in enumerate(requests):
        yield msgspec.structs.replace(request, id=number)


def _receive(
    connection: Connection, number: int, replies: dict[int, T | Refused], kind: type[T], timeout_s: float
) -> T | Refused:
    """The reply to a request. replies: those that have come before their turn."""
    while number not in replies:
        frame = decode_frame(connection.receive(timeout_s))
        if frame.error is not None:
            refused = refused_error(frame.error)
            if not isinstance(frame.id, int):
                raise refused
            replies[frame.id] = refused
        elif isinstance(frame.id, int):
            replies[frame.id] = decode_field(frame.ok, kind)
    return replies.pop(number)
