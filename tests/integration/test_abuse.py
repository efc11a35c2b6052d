"""Clients that drip, that ask for much and read nothing, and that come in crowds: bounded memory, and nobody waits."""

from __future__ import annotations

import contextlib
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support import DEADLINE_S, Connection, PrivateDaemon, eventually, private_daemon

IMPATIENT = """
import sys
from luziad.server import session
session.FRAME_TIMEOUT_S = 0.5
from luziad.cli import main
sys.exit(main())
"""
MANY = "[daemon]\nmax_connections = 1100\nmax_connections_per_uid = 1100\nmax_running = 1\n"


@contextmanager
def impatient_daemon() -> Iterator[PrivateDaemon]:
    """A daemon that gives a frame half a second."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory))
        try:
            daemon.start(["-c", IMPATIENT])
            yield daemon
        finally:
            daemon.end_everything()


def test_a_frame_that_comes_drop_by_drop_is_given_up_and_a_silent_peer_is_not() -> None:
    with impatient_daemon() as daemon, daemon.connect() as silent, daemon.connect() as slow:
        slow.socket.setblocking(False)
        received = b""
        slow.send_bytes(b"{")
        deadline = time.monotonic() + DEADLINE_S
        while not received:
            assert time.monotonic() < deadline, "it may drip for ever"
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                slow.send_bytes(b" ")
            time.sleep(0.02)  # the pace of the drops
            with contextlib.suppress(BlockingIOError):
                received = slow.socket.recv(4096)
        error = json.loads(received)["error"]
        assert (error["code"], "not complete" in error["message"]) == ("bad_request", True)
        assert "ok" in silent.ask(op="info")


def _rss(wire: Connection) -> int:
    size: int = wire.ok(op="info")["rss_bytes"]
    return size


@pytest.fixture(scope="module")
def full() -> Iterator[PrivateDaemon]:
    """A daemon with a thousand queued jobs, and one that has printed 3 MB and runs on."""
    with private_daemon(MANY) as daemon:
        with daemon.connect() as wire:
            wire.send(op="dispatch", project="overbits", task="seq 1 450000; echo end >&2; sleep 1000")
            for number in range(1000):
                wire.send(op="dispatch", project="overbits", task=f": {number} " + "x" * 100)
            jobs = [wire.receive()["ok"]["job"] for _ in range(1001)]
            eventually(lambda: wire.ok(op="logs", job=jobs[0], tail=1)["data"] == "end\n")
        yield daemon


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "list", "limit": 1000},
        {"op": "logs", "job": "@last", "offset": 0, "max_bytes": 1024 * 1024},
        {"op": "status", "job": "@last"},
        {"op": "subscribe", "after": 0},
        {"op": "projects"},
    ],
    ids=lambda request: request["op"],
)
def test_who_asks_ten_thousand_times_for_much_and_reads_nothing_costs_little(
    full: PrivateDaemon, request_: dict[str, object]
) -> None:
    with full.connect() as wire, full.connect() as lazy:
        first = wire.ok(op="list", states=["running"])["jobs"][0]["id"]
        frame = json.dumps(request_ | ({"job": first} if "job" in request_ else {})).encode() + b"\n"
        before = _rss(wire)
        lazy.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(100):
                lazy.socket.sendall(frame * 100)
        for _ in range(20):
            assert "ok" in wire.ask(op="status", job=first), "others are served meanwhile"
        assert _rss(wire) - before < 96 * 1024 * 1024


def test_a_thousand_subscribers_each_hear_of_everything_in_order() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("the limit of open files is too low here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    try:
        with private_daemon(MANY) as daemon, daemon.connect() as wire, ExitStack() as stack:
            crowd = [stack.enter_context(daemon.connect()) for _ in range(1000)]
            before = _rss(wire)
            for each in crowd:
                each.send(op="subscribe")
            for each in crowd:
                assert "ok" in each.receive()
            assert wire.ok(op="info")["subscribers"] == 1000
            job = wire.ok(op="dispatch", project="overbits", task="true")["job"]
            assert wire.ok(op="wait", jobs=[job])["jobs"][0]["state"] == "completed"
            for each in crowd:
                kinds = [each.receive()["event"]["kind"] for _ in range(4)]
                assert kinds == ["dispatched", "starting", "started", "ended"]
            assert _rss(wire) - before < 64 * 1024 * 1024
            stack.close()
            eventually(lambda: wire.ok(op="info")["connections"] == 1, "the end of all others")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
