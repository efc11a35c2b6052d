"""Streams of the daemon for browsers: over one web socket a tab, and as server-sent events.

A stream passes the daemon's lines on as they are. It keeps no cursor: the browser has it, and asks again after it. A
slow browser stops the reading of its stream, and the daemon ends that one with `lagged`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from luzia_protocol import requests
from luzia_protocol.errors import LuziaError

from luzia_client.api.replies import Frame, decode_frame, encode_request, is_present
from luzia_client.hosts.settings import LOCAL
from luzia_client.transport.async_connection import AsyncConnection
from luzia_client.web.credentials import Credentials, Session
from luzia_client.web.errors import WebError, error_body, invalid_request
from luzia_client.web.hosts import Hosts

MAX_STREAMS = 16
"""How many streams a tab may have open."""
NEW_SESSION_NEEDED = 4401
"""The code with which a web socket is closed when its session has ended."""

_encode = msgspec.json.encode


class Stop(msgspec.Struct, tag_field="op", tag="unsubscribe"):
    """What a browser sends to end the stream `id`."""

    id: int


class Subscription(msgspec.Struct, tag_field="op", tag="subscribe"):
    """What a browser sends to begin a stream; the other fields are those of the protocol's op.

    host: the host whose stream it is.
    """

    id: int
    host: str = LOCAL


class Following(msgspec.Struct, tag_field="op", tag="follow"):
    """The same for output."""

    id: int
    host: str = LOCAL


_decoder = msgspec.json.Decoder(Stop | Subscription | Following)


async def read_lines(socket: str, request: requests.Subscribe | requests.Follow) -> AsyncIterator[bytes]:
    """The lines of a stream, from a connection of its own. Raises LuziaError when there is no daemon, or none any more.

    A daemon that has crashed is started again; one that was stopped on purpose is not.
    """
    connection = await AsyncConnection.open(socket, autostart=True, resuming=True)
    try:
        await connection.send(encode_request(request))
        while True:
            line = await connection.receive()
            yield line
            if _is_last(decode_frame(line)):
                return
    finally:
        connection.close()


def _is_last(frame: Frame) -> bool:
    return frame.error is not None or is_present(frame.end) or is_present(frame.lagged)


class Tab:
    """The web socket of a tab. socket: the path of the daemon's socket. hosts: the other hosts."""

    def __init__(self, websocket: WebSocket, socket: str, hosts: Hosts) -> None:
        self._websocket = websocket
        self._socket = socket
        self._hosts = hosts
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()

    async def run(self, credentials: Credentials, session: Session) -> None:
        """Serve the tab until it is closed or its session ends."""
        await self._websocket.accept()
        receiving = asyncio.create_task(self._receive())
        ended = asyncio.create_task(session.ended.wait())
        try:
            await asyncio.wait(
                (receiving, ended),
                timeout=max(credentials.remaining_s(session), 0.0),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not receiving.done():
                await self._websocket.close(NEW_SESSION_NEEDED)
        finally:
            tasks = [receiving, ended, *self._streams.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self) -> None:
        try:
            while True:
                await self._handle(await self._websocket.receive_text())
        except (WebSocketDisconnect, KeyError):  # KeyError: it has sent bytes, which no page of ours does
            return

    async def _handle(self, text: str) -> None:
        try:
            wanted = _decoder.decode(text)
            if isinstance(wanted, Stop):
                self._stop(wanted.id)
                return
            kind: type[requests.Subscribe | requests.Follow] = (
                requests.Subscribe if isinstance(wanted, Subscription) else requests.Follow
            )
            request = msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, ValueError, RecursionError) as exc:
            await self._send(None, invalid_request(exc, text.encode()))
            return
        if wanted.id in self._streams or len(self._streams) >= MAX_STREAMS:
            await self._send(wanted.id, WebError(429, "too_many_streams", "the tab has too many open streams"))
            return
        task = asyncio.create_task(self._stream(wanted.id, wanted.host, request))
        self._streams[wanted.id] = task
        task.add_done_callback(lambda done: self._forget(wanted.id, done))

    def _stop(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.cancel()

    def _forget(self, number: int, task: asyncio.Task[None]) -> None:
        if self._streams.get(number) is task:
            del self._streams[number]

    async def _stream(self, number: int, host: str, request: requests.Subscribe | requests.Follow) -> None:
        try:
            socket = self._socket if host == LOCAL else await self._hosts.open(host)
            async for line in read_lines(socket, request):
                async with self._sending:
                    await self._websocket.send_text(line.decode())
        except LuziaError as exc:
            await self._send(number, exc)
        except WebSocketDisconnect:
            return

    async def _send(self, number: int | None, exc: LuziaError) -> None:
        async with self._sending:
            await self._websocket.send_text(_encode({"id": number, "error": error_body(exc)}).decode())


async def server_sent_events(socket: str, after: int | None) -> AsyncIterator[bytes]:
    """The events after a `seq` as server-sent events, whose ids are the seqs; the last one says why it has ended."""
    try:
        async for line in read_lines(socket, requests.Subscribe(after=after)):
            frame = decode_frame(line)
            if is_present(frame.event):
                head = msgspec.json.decode(frame.event, type=_Head)
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (head.seq, head.kind.encode(), bytes(frame.event))
            elif frame.error is not None:
                yield b"event: error\ndata: %s\n\n" % _encode(frame.error)
            elif is_present(frame.lagged):
                yield b"event: lagged\ndata: %s\n\n" % bytes(frame.lagged)
            else:
                yield b": started\n\n"
    except LuziaError as exc:
        yield b"event: error\ndata: %s\n\n" % _encode(error_body(exc))


class _Head(msgspec.Struct):
    """What of an event is repeated beside it."""

    seq: int
    kind: str
