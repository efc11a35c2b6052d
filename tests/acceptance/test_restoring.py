"""`luzia daemon snapshots` and `luzia daemon restore`: what a careful operator expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_client.cli import exit_codes
from support import PrivateDaemon, eventually, private_daemon


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nsnapshot_interval_s = 0.05\n") as running:
        yield running


def ended(daemon: PrivateDaemon, task: str) -> str:
    """A job that has ended and is in a snapshot."""
    with daemon.connect() as wire:
        job: str = wire.ok(op="dispatch", project="overbits", task=task)["job"]
        wire.ok(op="wait", jobs=[job])
        eventually(lambda: job in newest(daemon), "a snapshot with the job")
        return job


def newest(daemon: PrivateDaemon) -> str:
    """What the newest snapshot holds, roughly."""
    files = sorted((daemon.state / "snapshots").glob("jobs-*.db"))
    return files[-1].read_bytes().decode("latin-1") if files else ""


def listed(daemon: PrivateDaemon) -> list[dict[str, object]]:
    """What `luzia daemon snapshots --json` prints."""
    return [json.loads(line) for line in daemon.run("daemon", "snapshots", "--json").stdout.splitlines()]


def test_removed_jobs_come_back_running_ones_go_on_and_nothing_newer_is_lost(daemon: PrivateDaemon) -> None:
    removed = ended(daemon, "exit 5")
    eventually(lambda: listed(daemon)[0]["jobs"] == 1)
    snapshot = daemon.root / "kept.db"
    snapshot.write_bytes(Path(str(listed(daemon)[0]["file"])).read_bytes())
    with daemon.connect() as wire:
        wire.ok(op="remove", job=removed)
        running = wire.ok(op="dispatch", project="overbits", task="sleep 600")["job"]
        eventually(lambda: wire.ok(op="status", job=running)["job"]["state"] == "running")
        pid = wire.ok(op="status", job=running)["job"]["pid"]
    done = daemon.run("daemon", "restore", str(snapshot), "--yes")
    assert done.returncode == 0, done.stderr
    assert "set aside in" in done.stdout
    try:
        with daemon.connect() as wire:
            assert wire.ok(op="status", job=removed)["job"]["exit_code"] == 5
            assert wire.ok(op="status", job=running)["job"]["pid"] == pid
            assert any("restored" in notice for notice in wire.ok(op="list")["notices"])
            wire.ok(op="cancel", job=running)
            wire.ok(op="wait", jobs=[running])
        (aside,) = daemon.state.glob("replaced-*")
        assert (aside / "jobs.db").exists()
    finally:
        daemon.run("daemon", "stop")
    daemon.start()
    with daemon.connect() as wire:
        assert {job["id"] for job in wire.ok(op="list")["jobs"]} == {removed, running}


def test_a_job_that_was_removed_since_is_not_run_again(daemon: PrivateDaemon) -> None:
    daemon.stop()
    daemon.config_file.write_text(daemon.config_file.read_text() + "max_running = 1\n")
    daemon.start()
    runs = daemon.root / "runs"
    with daemon.connect() as wire:
        first = wire.ok(op="dispatch", project="overbits", task="sleep 600")["job"]
        queued = wire.ok(op="dispatch", project="overbits", task=f"echo run >> {runs}")["job"]
        eventually(lambda: queued in newest(daemon))
        snapshot = daemon.root / "kept.db"
        snapshot.write_bytes(sorted((daemon.state / "snapshots").glob("jobs-*.db"))[-1].read_bytes())
        wire.ok(op="cancel", job=first)
        wire.ok(op="wait", jobs=[queued])
        wire.ok(op="remove", job=queued)
    eventually(lambda: not (daemon.state / "jobs" / queued).exists())
    daemon.stop()
    assert daemon.run("daemon", "restore", str(snapshot)).returncode == 0
    daemon.start()
    with daemon.connect() as wire:
        job = wire.ok(op="status", job=queued)["job"]
        assert (job["state"], runs.read_text()) == ("lost", "run\n")
        assert "removed" in job["reason"]


def test_a_daemon_that_runs_is_not_ended_without_yes(daemon: PrivateDaemon) -> None:
    ended(daemon, "true")
    refused = daemon.run("daemon", "restore", str(listed(daemon)[0]["file"]))
    assert refused.returncode == exit_codes.REFUSED
    assert "--yes" in refused.stderr
    with daemon.connect() as wire:
        assert wire.ok(op="info")["storage"] == "ok"
    assert not list(daemon.state.glob("replaced-*"))


def test_a_damaged_snapshot_is_told_in_the_list_and_not_restored(daemon: PrivateDaemon) -> None:
    job = ended(daemon, "exit 5")
    daemon.stop()
    for file in (daemon.state / "snapshots").glob("jobs-*.db"):
        file.write_bytes(file.read_bytes().replace(job.encode(), b"000000-0000"))
    assert all("checksum does not match" in str(each["problem"]) for each in listed(daemon))
    assert "checksum does not match" in daemon.run("daemon", "snapshots").stdout
    before = (daemon.state / "jobs.db").read_bytes()
    refused = daemon.run("daemon", "restore", Path(str(listed(daemon)[0]["file"])).name)
    assert (refused.returncode, refused.stdout) == (exit_codes.REFUSED, "")
    assert "checksum does not match" in refused.stderr
    assert (daemon.state / "jobs.db").read_bytes() == before
    assert daemon.run("daemon", "restore", "nosuch").returncode == exit_codes.REFUSED
    assert daemon.run("daemon", "restore").returncode == exit_codes.USAGE
    assert daemon.run("daemon", "stop", "nosuch").returncode == exit_codes.USAGE
    daemon.start()
    with daemon.connect() as wire:
        assert wire.ok(op="status", job=job)["job"]["exit_code"] == 5
