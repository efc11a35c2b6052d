"""The daemon may be killed or restarted at any time: agents go on, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support import Connection, PrivateDaemon, eventually, private_daemon


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 8\n") as running:
        yield running


def end(daemon: PrivateDaemon, how: str) -> None:
    daemon.kill() if how == "kill" else daemon.stop()


def running(wire: Connection, job: str) -> dict[str, Any] | None:
    """The job if it runs."""
    now: dict[str, Any] = wire.ok(op="status", job=job)["job"]
    return now if now["state"] == "running" else None


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_running_jobs_end_with_their_right_exit_code_and_all_their_output(daemon: PrivateDaemon, how: str) -> None:
    gates = [daemon.root / f"gate{number}" for number in range(6)]
    for gate in gates:
        os.mkfifo(gate)
    with daemon.connect() as wire:
        tasks = [f"echo before; cat {gate}; echo after; exit {code}" for code, gate in enumerate(gates)]
        jobs = [wire.ok(op="dispatch", project="overbits", task=task)["job"] for task in tasks]
        eventually(lambda: wire.ok(op="list", states=["running"])["counts"].get("running") == 6)
        before = {job: wire.ok(op="status", job=job)["job"]["pid"] for job in jobs}
    end(daemon, how)
    for gate in gates[:3]:  # these end while there is no daemon
        gate.write_text("during\n")
    for job in jobs[:3]:
        eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists)
    daemon.start()
    with daemon.connect() as wire:
        for job in jobs[3:]:
            # The kill may have come before it was on disk that the job runs.
            now = eventually(partial(running, wire, job), "the job runs on")
            assert now is not None
            assert now["pid"] == before[job]
        for gate in gates[3:]:
            gate.write_text("during\n")
        wire.ok(op="wait", jobs=jobs)
        for code, job in enumerate(jobs):
            now = wire.ok(op="status", job=job)["job"]
            assert (now["exit_code"], len(now["attempts"])) == (code, 1)
            assert wire.ok(op="logs", job=job)["data"] == "before\nduring\nafter\n"


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_queued_jobs_start_after_a_restart_in_their_order_with_their_variables(daemon: PrivateDaemon, how: str) -> None:
    order = daemon.root / "order"
    daemon.config_file.write_text(daemon.config_file.read_text().replace("max_running = 8", "max_running = 1"))
    gate = daemon.root / "gate"
    os.mkfifo(gate)
    with daemon.connect() as wire:
        wire.ok(op="reload")
        first = wire.ok(op="dispatch", project="overbits", task=f"cat {gate}")["job"]
        jobs = [
            wire.ok(op="dispatch", project="overbits", task=f"echo $N >> {order}", env={"N": str(number)})["job"]
            for number in range(5)
        ]
    end(daemon, how)
    daemon.start()
    with daemon.connect() as wire:
        assert wire.ok(op="info")["counts"]["queued"] == 5
        gate.write_text("")
        wire.ok(op="wait", jobs=[first, *jobs])
    assert order.read_text() == "0\n1\n2\n3\n4\n"


def test_every_id_that_was_answered_is_there_after_a_kill(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        for number in range(500):
            wire.send(op="dispatch", project="overbits", task="sleep 0", id=number, key=f"key-{number}")
        jobs = [wire.receive()["ok"]["job"] for _ in range(250)]
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        for number, job in enumerate(jobs):
            assert wire.ok(op="dispatch", project="overbits", task="x", key=f"key-{number}") == {
                "job": job,
                "name": f"agent:overbits:{job}",
                "project": "overbits",
                "created": False,
            }
        eventually(lambda: not set(wire.ok(op="info")["counts"]) - {"completed"}, "the end of all jobs")
        for job in jobs:
            attempts = wire.ok(op="status", job=job)["job"]["attempts"]
            assert len([each for each in attempts if each["started_at"]]) == 1, "the others were fenced"


def test_a_cancel_is_carried_through_although_the_daemon_dies(daemon: PrivateDaemon) -> None:
    pids = daemon.root / "pids"
    with daemon.connect() as wire:
        job = wire.ok(
            op="dispatch", project="overbits", task=f"trap '' TERM; echo $$ > {pids}; while :; do sleep 1; done"
        )["job"]
        eventually(lambda: pids.exists() and pids.read_text())
        pid = int(pids.read_text())
        daemon.config_file.write_text(daemon.config_file.read_text())
        assert wire.ok(op="cancel", job=job)["state"] == "stopping"
    daemon.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "the end of the cancelled agent")
    daemon.start()
    with daemon.connect() as wire:
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
        assert (ended["state"], ended["reason"]) == ("cancelled", "cancelled")


def test_a_timeout_goes_on_over_a_restart(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="sleep 1000", timeout_s=1.0)["job"]
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
        assert ended["state"] == "timed_out"


def test_history_goes_on_after_a_restart_and_no_seq_is_used_twice(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        first = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        wire.ok(op="wait", jobs=[first])
        seq = wire.ok(op="info")["seq"]
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire, daemon.connect() as stream:
        second = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        wire.ok(op="wait", jobs=[second])
        stream.ok(op="subscribe", after=0)
        events = [stream.receive()["event"] for _ in range(8)]
    assert [event["job"] for event in events] == [first] * 4 + [second] * 4
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert seqs[4] > seq


def test_a_damaged_store_is_restored_from_the_snapshot_and_the_directories(daemon: PrivateDaemon) -> None:
    daemon.stop()
    daemon.config_file.write_text(
        daemon.config_file.read_text().replace("max_running = 8", "max_running = 8\nsnapshot_interval_s = 0.05")
    )
    daemon.start()
    gate = daemon.root / "gate"
    os.mkfifo(gate)
    with daemon.connect() as wire:
        old = wire.ok(op="dispatch", project="overbits", task="exit 5")["job"]
        wire.ok(op="wait", jobs=[old])
        eventually(lambda: wire.ok(op="info")["last_snapshot"])
        running = wire.ok(op="dispatch", project="overbits", task=f"cat {gate}; exit 6")["job"]
        eventually(lambda: wire.ok(op="status", job=running)["job"]["state"] == "running")
        status = daemon.state / "jobs" / running / "status.json"
        eventually(lambda: status.exists() and '"state":"running"' in status.read_text())
    daemon.kill()
    (daemon.state / "jobs.db").write_bytes(b"no database " * 1000)
    for snapshot in (daemon.state / "snapshots").glob("jobs-*.db"):
        if snapshot != min((daemon.state / "snapshots").glob("jobs-*.db")):
            snapshot.unlink()
    daemon.start()
    with daemon.connect() as wire:
        listed = wire.ok(op="list")
        assert any("damaged" in notice for notice in listed["notices"])
        assert wire.ok(op="status", job=old)["job"]["exit_code"] == 5
        gate.write_text("")
        wire.ok(op="wait", jobs=[running])
        assert wire.ok(op="status", job=running)["job"]["exit_code"] == 6
    daemon.stop()
    daemon.start()
    with daemon.connect() as wire:
        assert [wire.ok(op="status", job=job)["job"]["exit_code"] for job in (old, running)] == [5, 6]
        assert wire.ok(op="list")["notices"] == []
    (aside,) = daemon.state.glob("damaged-*")
    assert (aside / "jobs.db").read_bytes().startswith(b"no database")
