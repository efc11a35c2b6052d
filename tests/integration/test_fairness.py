"""Floods of requests: a client that asks for little is answered first, and a client that is gone gets no more work.

How much was done is counted in the daemon, so that a slow machine changes nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import Connection, PrivateDaemon, eventually

JOBS = 300
COUNTING = """
import os, sys
from luziad import cli
from luziad.handlers import registry
from luzia_protocol import requests
count = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def counted(handler):
    def handle(*arguments):
        os.write(count, b"x")
        return handler(*arguments)
    return handle
for request in (requests.List, requests.Info):
    registry.HANDLERS[request] = counted(registry.HANDLERS[request])
sys.exit(cli.main())
"""
FLOOD = """
import socket, sys
path, connections, line, times = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), int(sys.argv[4])
held = []
for _ in range(connections):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    peer.setblocking(False)
    try:
        peer.send(line * times)
    except BlockingIOError:
        pass
    held.append(peer)
print("sent", flush=True)
sys.stdin.read()
"""
INFO = b'{"op":"info"}\n'
LIST = b'{"op":"list","limit":1000}\n'


class Counted:
    """A daemon that counts the lists and infos that it has begun to answer."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self._file = daemon.root / "count"

    @property
    def requests(self) -> int:
        return self._file.stat().st_size


@pytest.fixture
def counted() -> Iterator[Counted]:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), "[daemon]\nmax_running = 1\n")
        try:
            daemon.start(["-c", COUNTING, f"{directory}/count"])
            with daemon.connect() as wire:
                for _ in range(JOBS):
                    wire.send(op="dispatch", project="overbits", task="sleep 1000")
                for _ in range(JOBS):
                    assert "ok" in wire.receive()
            yield Counted(daemon)
        finally:
            daemon.end_everything()


def test_no_more_is_done_for_a_client_that_has_closed_its_connection(counted: Counted) -> None:
    with counted.daemon.connect() as wire:
        with counted.daemon.connect() as flooding:
            flooding.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                flooding.send_bytes(LIST * 4000)
        eventually(lambda: wire.ok(op="info")["connections"] == 1, "the end of the flooding connection")
        infos = counted.requests
        assert infos < 500, "few of the 4,000 lists were begun"


def asked_between(wire: Connection, counted: Counted, job: str) -> int:
    """How many requests of others were begun while a status was asked for."""
    before = counted.requests
    wire.ok(op="status", job=job)
    return counted.requests - before


@contextlib.contextmanager
def flood(daemon: PrivateDaemon, connections: int, line: bytes, times: int) -> Iterator[None]:
    """Another process that sends so many lines on each connection, as far as they are taken, and reads nothing."""
    command = [sys.executable, "-c", FLOOD, daemon.socket, str(connections), line.decode(), str(times)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        yield
        process.communicate()


def test_a_status_is_answered_before_the_lists_of_others(counted: Counted) -> None:
    with counted.daemon.connect() as wire:
        job = wire.ok(op="list", limit=1)["jobs"][0]["id"]
        with flood(counted.daemon, 20, LIST, 100):
            begun = [asked_between(wire, counted, job) for _ in range(20)]
        assert max(begun) <= 40, "at most those that came first on each connection"


def test_a_status_is_answered_before_the_requests_that_others_have_sent_ahead(counted: Counted) -> None:
    with counted.daemon.connect() as wire:
        job = wire.ok(op="list", limit=1)["jobs"][0]["id"]
        with flood(counted.daemon, 100, INFO, 5000):
            begun = [asked_between(wire, counted, job) for _ in range(20)]
        assert max(begun) <= 500, "at most those of a few turns"
