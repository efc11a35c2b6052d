"""Who connects to a server of HTTP and asks nothing keeps nobody out, though any user of the machine can connect."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn

from luzia_client.http import connections
from luzia_client.http.connections import BoundedProtocol
from mcp_agent import mcp_luzia
from support import DEADLINE_S, PrivateDaemon, private_daemon
from web_server import web_server

FILES = 200
"""How many the server may have open."""
SILENT = 220
ASKED = 2000
"""Requests without waiting for their replies, which are more than the buffers of a connection take."""


@contextmanager
def page() -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory))
        try:
            daemon.start()
            with web_server(daemon, "--port", "0") as server:
                port = urlsplit(server.link()).port
                assert port is not None
                yield server.pid, port
        finally:
            daemon.end_everything()


@contextmanager
def tools() -> Iterator[tuple[int, int]]:
    with mcp_luzia() as served:
        process = served.luzia.start("mcp", "serve", "--http", "0")
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline().rpartition(b":")[2].partition(b"/")[0])


@contextmanager
def metrics() -> Iterator[tuple[int, int]]:
    with private_daemon() as daemon, daemon.start_command("metrics", "--listen", "127.0.0.1:0") as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline().rpartition(":")[2].partition("/")[0])


def ask(port: int) -> bytes:
    """The first bytes of the reply to a request."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as peer:
        peer.sendall(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        return peer.recv(6)


@pytest.mark.parametrize("serve", [page, tools])
@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: ", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"])
def test_hundreds_of_silent_connections_keep_nobody_out(serve: object, said: bytes) -> None:
    assert callable(serve)
    with serve() as (pid, port), ExitStack() as stack:
        assert ask(port) == b"HTTP/1"
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        for _ in range(SILENT):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
            with suppress(ConnectionError):  # it has given way already
                peer.sendall(said)
        assert ask(port) == b"HTTP/1"


@pytest.mark.parametrize("serve", [page, tools])
def test_hundreds_of_connections_that_ask_much_and_read_nothing_keep_nobody_out(serve: object) -> None:
    assert callable(serve)
    with serve() as (pid, port), ExitStack() as stack:
        assert ask(port) == b"HTTP/1"
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        for _ in range(SILENT):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
            with suppress(ConnectionError):
                peer.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port * ASKED)
        assert ask(port) == b"HTTP/1"


def test_connections_that_end_in_the_middle_of_a_body_leave_nothing_in_the_log() -> None:
    """Every user of the machine could fill it, and a page whose log nobody reads would stop."""
    with private_daemon() as daemon, web_server(daemon, "--port", "0") as server:
        port = int(server.host.rpartition(":")[2])
        head = f"POST /api/session HTTP/1.1\r\nHost: {server.host}\r\nOrigin: {server.origin}\r\n"
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as peer:
                peer.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
                peer.shutdown(socket.SHUT_WR)
                with suppress(ConnectionError):
                    while peer.recv(4096):
                        pass
        assert ask(port) == b"HTTP/1"
        assert server.stop() == ""


def test_hundreds_of_silent_connections_to_the_metrics_give_way_at_once() -> None:
    """Each has a thread and a file."""
    with metrics() as (pid, port), ExitStack() as stack:
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(SILENT):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
        assert ask(port) == b"HTTP/1"  # all of them have been accepted
        assert len(os.listdir(f"/proc/{pid}/fd")) < before + SILENT // 2


async def test_a_request_that_does_not_come_whole_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.05)

    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("nothing was asked")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=BoundedProtocol, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        listening.listen()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"GET / HT")
        assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
        server.should_exit = True
        await serving
