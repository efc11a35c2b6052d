"""A daemon whose store was damaged: it starts, goes on with what is left, and says so everywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import PrivateDaemon, eventually, private_daemon


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 1\n") as running:
        yield running


def emptied(state: Path) -> None:
    (state / "jobs.db").write_bytes(b"")


def garbage(state: Path) -> None:
    (state / "jobs.db").write_bytes(b"no database " * 1000)


def without_log(state: Path) -> None:
    (state / "jobs.db-wal").write_bytes(b"")


def bits_flipped(state: Path) -> None:
    for name in ("jobs.db", "jobs.db-wal"):
        content = bytearray((state / name).read_bytes())
        content[len(content) // 3 :: 97] = bytes(len(content[len(content) // 3 :: 97]))
        (state / name).write_bytes(content)


@pytest.mark.parametrize("damage", [emptied, garbage, without_log, bits_flipped])
def test_a_damaged_store_without_a_snapshot_costs_no_job_that_has_a_directory_and_is_told_everywhere(
    daemon: PrivateDaemon, damage: Callable[[Path], None]
) -> None:
    with daemon.connect() as wire:
        ended = wire.ok(op="dispatch", project="overbits", task="echo ended; exit 5")["job"]
        wire.ok(op="wait", jobs=[ended])
        running = wire.ok(op="dispatch", project="overbits", task="echo running; sleep 600")["job"]
        eventually(lambda: '"running"' in status_file(daemon, running))
        eventually(lambda: '"failed"' in status_file(daemon, ended))
    daemon.kill()
    damage(daemon.state)
    daemon.start()
    with daemon.connect() as wire:
        jobs = {job["id"]: job for job in wire.ok(op="list")["jobs"]}
        assert (jobs[ended]["state"], jobs[ended]["exit_code"]) == ("failed", 5)
        assert jobs[running]["state"] == "running"
        wire.ok(op="cancel", job=running)
        wire.ok(op="wait", jobs=[running])
    (aside,) = daemon.state.glob("damaged-*")
    for command in ("jobs", "daemon status", "doctor"):
        said = daemon.run(*command.split())
        assert f"set aside in {aside}" in said.stdout, command
    assert f"set aside in {aside}" in daemon.log.read_text()
    eventually(lambda: not (daemon.state / "mending.json").exists())
    daemon.stop()
    daemon.start()
    with daemon.connect() as wire:
        assert wire.ok(op="list")["notices"] == []
        assert {job["id"] for job in wire.ok(op="list")["jobs"]} == {ended, running}


def test_a_queued_job_is_read_from_what_is_whole_of_a_damaged_store_and_runs_with_its_variables(
    daemon: PrivateDaemon,
) -> None:
    with daemon.connect() as wire:
        running = wire.ok(op="dispatch", project="overbits", task="sleep 600")["job"]
        queued = wire.ok(op="dispatch", project="overbits", task="echo $COLOUR", env={"COLOUR": "green"})["job"]
        eventually(lambda: '"running"' in status_file(daemon, running))
    daemon.stop()
    store = sqlite3.connect(daemon.state / "jobs.db")
    store.execute("UPDATE jobs SET fate = '{}' WHERE id = ?", (running,))
    store.commit()
    store.close()
    daemon.start()
    with daemon.connect() as wire:
        assert wire.ok(op="list")["notices"]
        wire.ok(op="cancel", job=running)
        (ended,) = wire.ok(op="wait", jobs=[queued])["jobs"]
        assert ended["state"] == "completed", ended
        assert wire.ok(op="logs", job=queued)["data"] == "green\n"


def test_an_event_that_the_disk_has_damaged_is_passed_over_by_a_replay(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        wire.ok(op="wait", jobs=[job])
        last = wire.ok(op="info")["seq"]
    daemon.stop()
    store = sqlite3.connect(daemon.state / "jobs.db")
    store.execute("UPDATE events SET event = substr(event, 10) WHERE seq = 2")
    store.commit()
    store.close()
    daemon.start()
    with daemon.connect() as wire:
        wire.ok(op="subscribe", after=0)
        seqs = [wire.receive()["event"]["seq"] for _ in range(last - 1)]
    assert seqs == [seq for seq in range(1, last + 1) if seq != 2]


def status_file(daemon: PrivateDaemon, job: str) -> str:
    file = daemon.state / "jobs" / job / "status.json"
    return file.read_text() if file.exists() else ""
