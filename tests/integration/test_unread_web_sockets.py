"""Web sockets whose peers read nothing: neither the server grows, nor does it wait for them forever."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from luzia_client.http import connections
from luzia_client.http.websockets import BoundedWebSocket
from support import DEADLINE_S

MASKED_PING = b"\x89\xfd\0\0\0\0" + b"p" * 125
EMPTY_PART = b"\x00\x80\0\0\0\0"
SENT = 32 << 20


class Open:
    """A server with a web socket that is opened by hand. lost: set when its server has let go of it."""

    def __init__(self, port: int) -> None:
        self.lost = asyncio.Event()
        self.peer = socket.socket()
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.peer.connect(("127.0.0.1", port))
        self.peer.setblocking(False)

    async def upgrade(self) -> None:
        """Make it a web socket."""
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        await self.send(f"{head}Sec-WebSocket-Version: 13\r\n\r\n".encode())
        assert b" 101 " in await asyncio.get_running_loop().sock_recv(self.peer, 4096)

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(self.peer, data), DEADLINE_S)

    async def send_while_taken(self, data: bytes, size: int) -> None:
        """Send it again and again, until so much was sent or the connection is closed."""
        for _ in range(size // len(data)):
            try:
                await self.send(data)
            except ConnectionError:
                return


@asynccontextmanager
async def opened(send: bytes = b"") -> AsyncIterator[Open]:
    """A web socket of a server that sends this for as long as it is taken, and else waits."""
    left: list[asyncio.Event] = []

    async def app(scope: Any, receive: Any, send_message: Any) -> None:
        try:
            await receive()
            await send_message({"type": "websocket.accept"})
            while send:
                await send_message({"type": "websocket.send", "bytes": send})
            while (await receive())["type"] != "websocket.disconnect":
                pass
        except OSError:
            pass
        finally:
            left[0].set()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, ws=BoundedWebSocket, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        listening.listen()
        web_socket = Open(listening.getsockname()[1])
        left.append(web_socket.lost)
        try:
            await web_socket.upgrade()
            yield web_socket
        finally:
            web_socket.peer.close()
            await asyncio.wait_for(web_socket.lost.wait(), DEADLINE_S)
            server.should_exit = True
            await serving


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.2)


async def test_pings_whose_answers_nobody_reads_are_not_read_and_the_peer_is_given_up() -> None:
    async with opened() as web_socket:
        await web_socket.send_while_taken(MASKED_PING * 100, SENT)
        await asyncio.wait_for(web_socket.lost.wait(), DEADLINE_S)


async def test_a_peer_that_reads_nothing_of_a_stream_is_given_up() -> None:
    async with opened(send=bytes(64 * 1024)) as web_socket:
        await asyncio.wait_for(web_socket.lost.wait(), DEADLINE_S)


async def test_a_message_of_endless_empty_parts_is_given_up() -> None:
    async with opened() as web_socket:
        await web_socket.send(b"\x01\x80\0\0\0\0")
        await web_socket.send_while_taken(EMPTY_PART * 1000, SENT)
        await asyncio.wait_for(web_socket.lost.wait(), DEADLINE_S)


async def test_a_peer_that_reads_gets_an_answer_to_every_ping_also_after_it_has_paused() -> None:
    count = 20_000
    async with opened() as web_socket:
        sending = asyncio.create_task(web_socket.send_while_taken(MASKED_PING * 100, 131 * count))
        left, loop = 127 * count, asyncio.get_running_loop()
        while left:
            got = await asyncio.wait_for(loop.sock_recv(web_socket.peer, 65536), DEADLINE_S)
            assert got
            left -= len(got)
        await sending
        assert not web_socket.lost.is_set()
