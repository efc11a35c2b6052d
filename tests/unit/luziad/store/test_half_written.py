"""A batch whose variables could not be dropped is committed all the same, and the store goes on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from luziad.store.batch import Batch
from luziad.store.files import ENVIRONMENTS_NAME
from luziad.store.sqlite import Store
from support import eventually, private_daemon

HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_variables_that_cannot_be_dropped_now_are_dropped_later(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store._private.execute("PRAGMA busy_timeout = 1")
    batch = Batch()
    batch.environments[1] = {"A": "b"}
    batch.events = [(1, b"{}")]
    store.write(batch)
    other = sqlite3.connect(tmp_path / ENVIRONMENTS_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # a backup, say
    batch = Batch()
    batch.events = [(2, b"{}")]
    batch.dropped_environments = [1]
    store.write(batch)
    assert store.last_seq() == 2
    assert dict(store.load_environments()) == {1: {"A": "b"}}
    other.execute("ROLLBACK")
    store.write(Batch())
    assert dict(store.load_environments()) == {}


def test_a_daemon_whose_variables_are_locked_by_somebody_goes_on() -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="true", env={"A": "b"})["job"]
        wire.ok(op="wait", jobs=[job])
        command = [sys.executable, "-c", HOLD, str(daemon.state / ENVIRONMENTS_NAME)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            holder.stdout.readline()
            wire.ok(op="remove", job=job)
            wire.ok(op="dispatch", project="overbits", task="true")
            holder.stdin.close()
        wire.ok(op="dispatch", project="overbits", task="true")
        store = sqlite3.connect(f"file:{daemon.state}/{ENVIRONMENTS_NAME}?mode=ro", uri=True)
        eventually(lambda: store.execute("SELECT count(*) FROM environments").fetchone() == (0,))
