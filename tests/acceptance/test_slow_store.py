"""A slow store: what happens between a commit and the news of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator

import pytest

from support import PrivateDaemon, eventually, private_daemon

SLOW = """
import sys, time
from luziad import cli
from luziad.store.sqlite import Store
plain = Store.write
def write(self, batch):
    plain(self, batch)
    time.sleep(0.5)  # between the commit and the news of it
Store.write = write
sys.exit(cli.main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 1\n", program=["-c", SLOW]) as running:
        yield running


def test_a_subscriber_gets_no_event_twice_that_is_committed_while_it_replays(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire, daemon.connect() as stream:
        first = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        wire.ok(op="wait", jobs=[first])
        before = wire.ok(op="info")["seq"]
        wire.send(op="dispatch", project="overbits", task="true")
        store = sqlite3.connect(f"file:{daemon.state}/jobs.db?mode=ro", uri=True)
        eventually(lambda: store.execute("SELECT max(seq) FROM events").fetchone()[0] > before)
        stream.ok(op="subscribe", after=0)
        seqs: list[int] = []
        while not seqs or seqs[-1] < before + 4:
            seqs.append(stream.receive()["event"]["seq"])
        assert seqs == sorted(set(seqs))


def test_an_attempt_that_is_cancelled_before_its_start_is_committed_has_an_end(daemon: PrivateDaemon) -> None:
    gate = daemon.root / "gate"
    os.mkfifo(gate)
    with daemon.connect() as wire:
        wire.ok(op="dispatch", project="overbits", task=f"cat {gate}")
        job = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        gate.write_text("")
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "starting")
        wire.ok(op="cancel", job=job)
        wire.ok(op="wait", jobs=[job])
        ended = wire.ok(op="status", job=job)["job"]
        assert ended["state"] == "cancelled"
        assert ended["attempts"][0]["ended_at"] is not None


def test_small_graphs_of_one_connection_share_commits(daemon: PrivateDaemon) -> None:
    graph = {"op": "graph", "jobs": [{"project": "overbits", "task": "true", "hold": True}]}
    with daemon.connect() as wire:
        before = wire.ok(op="info")["commits"]["count"]
        for _ in range(48):
            wire.send(**graph)
        for _ in range(48):
            assert "ok" in wire.receive()
        assert wire.ok(op="info")["commits"]["count"] - before < 8
