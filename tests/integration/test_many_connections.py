"""Connections: as many as are allowed, each limit by its name, and whoever is in charge always gets in to look."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from luziad.server import connection_limits
from luziad.server.connection_limits import RESERVED_CONNECTIONS, AdmissionControl, AdmissionDecision, ConnectionLimits
from support import DEADLINE_S, Connection, PrivateDaemon, eventually, private_daemon

FEW_FILES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from luziad.cli import main
sys.exit(main())
"""
AS_NOBODY = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def hold(daemon: PrivateDaemon, stack: ExitStack, count: int) -> list[Connection]:
    """Open so many connections that are held open, and say hello on each."""
    held = []
    for _ in range(count):
        wire = stack.enter_context(daemon.connect())
        wire.ok(op="hello")
        held.append(wire)
    return held


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("max_connections = 20", "open connections: 20"),
        ("max_connections_per_uid = 20", "20; the limit per user is 20"),
    ],
)
def test_beyond_a_limit_the_owner_gets_in_to_look_and_to_cancel_but_not_to_stay(limit: str, said: str) -> None:
    with private_daemon(f"[daemon]\n{limit}\n") as daemon, ExitStack() as stack:
        hold(daemon, stack, 20)
        (late,) = hold(daemon, stack, 1)
        job = late.ok(op="dispatch", project="overbits", task="sleep 1000")["job"]
        assert late.ok(op="list")["jobs"][0]["id"] == job
        for stream in ({"op": "subscribe"}, {"op": "wait", "jobs": [job]}, {"op": "follow", "job": job}):
            refused = late.error(**stream)
            assert refused["code"] == "too_many_connections"
            assert said in refused["message"]
            assert limit.partition(" ")[0] in refused["hint"]
        assert late.ok(op="cancel", job=job)["job"] == job
        eventually(lambda: late.ok(op="status", job=job)["job"]["state"] == "cancelled")


def test_who_has_been_in_the_reserve_for_longest_gives_way_to_the_next() -> None:
    with private_daemon("[daemon]\nmax_connections = 4\n") as daemon, ExitStack() as stack:
        hold(daemon, stack, 4)
        reserve = hold(daemon, stack, RESERVED_CONNECTIONS)
        hold(daemon, stack, 1)
        assert reserve[0].receive()["error"]["code"] == "too_many_connections"
        with pytest.raises(EOFError):
            reserve[0].receive()
        assert "ok" in reserve[1].ask(op="info")


def test_a_place_is_free_again_when_its_connection_ends() -> None:
    with private_daemon("[daemon]\nmax_connections = 4\n") as daemon, ExitStack() as stack:
        *_, last = hold(daemon, stack, 4)
        last.close()
        eventually(lambda: _can_stay(daemon), "a free place")


def _can_stay(daemon: PrivateDaemon) -> bool:
    with daemon.connect() as wire:
        return "ok" in wire.ask(op="subscribe")


@contextlib.contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    with tempfile.TemporaryDirectory(prefix="lz-") as directory, socket.socket(socket.AF_UNIX) as listener:
        os.chmod(directory, 0o755)
        path = f"{directory}/socket"
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        listener.settimeout(DEADLINE_S)
        yield listener, path


@as_root
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (ConnectionLimits(connections=9, per_uid=1, open_files=9), "the limit per user is"),
        (ConnectionLimits(connections=1, per_uid=9, open_files=9), "the limit is 1"),
        (ConnectionLimits(connections=9, per_uid=9, open_files=1), "the limit of open files"),
    ],
)
def test_another_user_of_the_group_is_told_which_limit_it_met(
    limits: ConnectionLimits, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "GROUP", "nogroup")
    doorkeeper = AdmissionControl(limits, shared=True)
    with listening() as (listener, path), ExitStack() as stack:

        def arrive() -> AdmissionDecision:
            stranger = subprocess.Popen([sys.executable, "-c", AS_NOBODY, path], stdin=subprocess.PIPE)
            stack.callback(stranger.communicate)
            return doorkeeper.admit(stack.enter_context(listener.accept()[0]))

        first, second = arrive(), arrive()
        assert first == AdmissionDecision(65534, first.pid)
        assert second.refused is not None
        assert said in second.refused.message
        assert not second.is_reserved, "only who is in charge gets a place of the reserve"
        doorkeeper.release(second)
        doorkeeper.release(first)
        third = arrive()
        assert third == AdmissionDecision(65534, third.pid)


def test_a_flood_above_the_limit_of_open_files_stops_neither_jobs_nor_who_looks() -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), "[daemon]\nmax_running = 2\n")
        try:
            daemon.start(["-c", FEW_FILES])
            with daemon.connect() as early, _flood(daemon, threads=4):
                for _ in range(5):
                    job = early.ok(op="dispatch", project="overbits", task="echo done")["job"]
                    assert early.ok(op="wait", jobs=[job])["jobs"][0]["state"] == "completed"
                eventually(lambda: _look(daemon) is not None, "a look from outside")
            eventually(lambda: _connections(daemon) == 1, "the end of the flood")
            assert "Traceback" not in daemon.log.read_text()
        finally:
            daemon.end_everything()


@contextlib.contextmanager
def _flood(daemon: PrivateDaemon, threads: int) -> Iterator[None]:
    """Threads that open one connection after the other and hold the newest 100 each."""
    over = threading.Event()

    def pour() -> None:
        held: list[socket.socket] = []
        while not over.is_set():
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(daemon.socket)
            held.append(peer)
            if len(held) > 100:
                held.pop(0).close()
        for each in held:
            each.close()

    pouring = [threading.Thread(target=pour) for _ in range(threads)]
    for thread in pouring:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in pouring:
            thread.join(DEADLINE_S)


def _look(daemon: PrivateDaemon) -> dict[str, Any] | None:
    """What `info` answers to a new connection; None when that had to give way."""
    try:
        with daemon.connect() as wire:
            answer: dict[str, Any] | None = wire.ask(op="info").get("ok")
            return answer
    except (EOFError, OSError):
        return None


def _connections(daemon: PrivateDaemon) -> int:
    info = _look(daemon)
    return -1 if info is None else int(info["connections"])


def test_the_limit_of_connections_is_met_before_that_of_open_files() -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), "[daemon]\nmax_running = 2\n")
        try:
            daemon.start(["-c", FEW_FILES])
            with ExitStack() as stack:
                hold(daemon, stack, 60)
                (late,) = hold(daemon, stack, 1)
                refused = late.error(op="subscribe")
                assert refused["code"] == "too_many_connections"
                assert "limit of open files" in refused["message"]
                assert "ok" in late.ask(op="dispatch", project="overbits", task="true")
        finally:
            daemon.end_everything()
