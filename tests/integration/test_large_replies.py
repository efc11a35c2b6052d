"""The documented limits of requests can be used, and unread replies and incomplete requests take bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from luzia_client import Client
from support import Connection, PrivateDaemon, eventually, private_daemon

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon:
        with daemon.connect() as wire:
            wire.ok(op="dispatch", project="overbits", task="seq 1 450000; echo end >&2; sleep 1000")
        yield daemon


def test_a_wait_for_ten_thousand_jobs_has_all_of_them(daemon: PrivateDaemon, wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]
    found = Client(daemon.socket, autostart=False).wait([job] * 10_000, timeout_s=0)
    assert found.timed_out
    assert [each.id for each in found.jobs] == [job] * 10_000


def test_a_page_ends_early_when_its_jobs_are_large_and_no_job_is_lost(daemon: PrivateDaemon, wire: Connection) -> None:
    tags = {"size": "large"}
    jobs: list[str] = []
    for _ in range(900):
        job = wire.ok(op="dispatch", project="overbits", task="true", after=jobs, tags=tags, hold=True)["job"]
        jobs.append(job)
    for order in ({}, {"sort": "priority"}):
        found: list[str] = []
        cursor, pages = None, 0
        while cursor is not None or not pages:
            page = wire.ok(op="list", tags=tags, cursor=cursor, limit=1000, **order)
            found += [job["id"] for job in page["jobs"]]
            cursor, pages = page["next"], pages + 1
        assert found == jobs[::-1]
        assert pages > 1


def rss(wire: Connection) -> int:
    size: int = wire.ok(op="info")["rss_bytes"]
    return size


def test_many_clients_that_read_nothing_or_complete_nothing_take_bounded_memory_together(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    first = eventually(lambda: wire.ok(op="list", states=["running"])["jobs"])[0]["id"]
    eventually(lambda: wire.ok(op="logs", job=first, tail=1, stream="stdout")["size"] > 2 * MIB)
    logs = b'{"op":"logs","job":"%b","offset":0,"max_bytes":1048576}\n' % first.encode()
    before = rss(wire)
    with ExitStack() as stack:
        for line in [logs * 100] * 100 + [b'{"op":"' + b"x" * (4 * MIB - 100)] * 60:
            lazy = stack.enter_context(daemon.connect())
            lazy.socket.setblocking(False)
            sent = 0
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                while sent < len(line):
                    sent += lazy.socket.send(line[sent:])
                    wire.ok(op="status", job=first)
        for _ in range(50):
            wire.ok(op="status", job=first)
            assert rss(wire) - before < 200 * MIB


def test_all_waits_together_have_a_limit(daemon: PrivateDaemon, wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]
    with ExitStack() as stack:
        crowd = [stack.enter_context(daemon.connect()) for _ in range(2)]
        for each in crowd:
            for number in range(60):
                each.send(op="wait", jobs=[job] * 10_000, id=number)
        refused = crowd[-1].receive()
        assert refused["error"]["code"] == "overloaded"
        assert "jobs that are waited for: 1000000" in refused["error"]["message"]
    eventually(lambda: wire.ok(op="info")["connections"] == 1, "the end of the crowd")
    assert wire.ok(op="wait", jobs=[job] * 10_000, timeout_s=0)["timed_out"]
