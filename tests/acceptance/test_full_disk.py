"""Real file systems that are full, out of inodes or read-only: agents go on, nothing is lost, and luziad recovers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from small_disk import EXT4, DiskDaemon, disk_daemon
from support import Connection, eventually


def gate(daemon: DiskDaemon, name: str) -> Path:
    """A FIFO on another file system, at which a job waits."""
    path = daemon.root / name
    os.mkfifo(path)
    return path


def running(wire: Connection, task: str) -> str:
    """A job that runs."""
    job: str = wire.ok(op="dispatch", project="overbits", task=task)["job"]
    eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
    return job


def dispatch_is_refused(wire: Connection) -> None:
    """Dispatch until the store has no room for it any more; then every answer is the same, at once."""
    eventually(lambda: "error" in wire.ask(op="dispatch", project="overbits", task="true"), "a refusal")
    for _ in range(3):
        assert wire.error(op="dispatch", project="overbits", task="true")["code"] == "storage_unavailable"
    assert wire.ok(op="info")["storage"] != "ok"


def recovered(wire: Connection) -> None:
    """The daemon has found out by itself that there is room again."""
    eventually(lambda: wire.ok(op="info")["storage"] == "ok", "the recovery")


def ended(wire: Connection, job: str) -> dict[str, Any]:
    """The job, once it is final."""
    (final,) = wire.ok(op="wait", jobs=[job])["jobs"]
    found: dict[str, Any] = final
    return found


def test_a_full_disk_refuses_dispatches_at_once_and_keeps_the_exit_status_of_what_runs() -> None:
    with disk_daemon() as daemon, daemon.connect() as wire:
        gates = [gate(daemon, "gate1"), gate(daemon, "gate2")]
        failing = running(wire, f"cat {gates[0]}; exit 9")
        killed = running(wire, f"cat {gates[1]}; kill -KILL $$")
        daemon.disk.fill()
        dispatch_is_refused(wire)
        assert wire.ok(op="status", job=failing)["job"]["state"] == "running"
        for each, job in zip(gates, (failing, killed), strict=True):
            each.write_text("")
            eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists, "the exit record")
        daemon.disk.make_room()
        recovered(wire)
        assert (ended(wire, failing)["exit_code"], ended(wire, killed)["signal"]) == (9, "SIGKILL")
        after = wire.ok(op="dispatch", project="overbits", task="exit 3")["job"]
        assert ended(wire, after)["exit_code"] == 3


def test_an_agent_that_fills_the_disk_keeps_its_exit_status() -> None:
    with disk_daemon() as daemon, daemon.connect() as wire:
        said = daemon.root / "said"
        task = f"head -c 50000000 /dev/zero; echo $? > {said}; exit 7"
        job = wire.ok(op="dispatch", project="overbits", task=task)[
            "job"
        ]  # which may have ended before it is seen running
        eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists, "the exit record")
        assert said.read_text() == "1\n", "its writes failed, and nothing else"
        dispatch_is_refused(wire)
        os.truncate(daemon.state / "jobs" / job / "1" / "stdout", 4096)
        recovered(wire)
        final = ended(wire, job)
        assert (final["state"], final["exit_code"], final["attempt"]) == ("failed", 7, 1)


def filled_by_a_job(daemon: DiskDaemon, wire: Connection) -> str:
    """A job that has filled the disk, and ended."""
    job: str = wire.ok(op="dispatch", project="overbits", task="head -c 50000000 /dev/zero; exit 7")["job"]
    with daemon.connect() as waiting:
        waiting.send(op="wait", jobs=[job])  # before it has ended
        (final,) = waiting.receive()["ok"]["jobs"]
    assert (final["state"], final["exit_code"]) == ("failed", 7)
    dispatch_is_refused(wire)
    return job


def test_the_end_of_a_job_that_fills_the_disk_is_told_to_those_who_wait_for_it() -> None:
    with disk_daemon() as daemon, daemon.connect() as wire:
        job = filled_by_a_job(daemon, wire)
        assert wire.ok(op="status", job=job)["job"]["state"] == "failed"


def test_removing_the_job_that_fills_the_disk_makes_room() -> None:
    with disk_daemon() as daemon, daemon.connect() as wire:
        job = filled_by_a_job(daemon, wire)
        assert wire.ok(op="remove", job=job)["job"] == job
        assert wire.ok(op="info")["storage"] == "ok"
        assert not (daemon.state / "jobs" / job).exists()
        assert wire.error(op="status", job=job)["code"] == "unknown_job"
        after = wire.ok(op="dispatch", project="overbits", task="exit 3")["job"]
        assert ended(wire, after)["exit_code"] == 3


def test_on_a_full_disk_a_job_that_has_not_ended_is_not_removed() -> None:
    with disk_daemon() as daemon, daemon.connect() as wire:
        here = gate(daemon, "gate")
        job = running(wire, f"echo kept; cat {here}")
        eventually(lambda: wire.ok(op="logs", job=job)["data"], "its output")
        daemon.disk.fill()
        dispatch_is_refused(wire)
        assert wire.error(op="remove", job=job)["code"] == "job_not_final"
        assert wire.ok(op="logs", job=job)["data"] == "kept\n"
        here.write_text("")


def test_a_daemon_that_is_killed_on_a_full_disk_starts_on_it_and_loses_nothing() -> None:
    with disk_daemon() as daemon:
        with daemon.connect() as wire:
            here = gate(daemon, "gate")
            job = running(wire, f"cat {here}; exit 9")
            daemon.disk.fill()
            dispatch_is_refused(wire)
        daemon.kill()
        here.write_text("")
        eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists, "the exit record")
        daemon.start_inside()
        with daemon.connect() as wire:
            dispatch_is_refused(wire)
            daemon.disk.make_room()
            recovered(wire)
            assert ended(wire, job)["exit_code"] == 9


def test_a_snapshot_without_room_costs_no_good_one_and_is_taken_later() -> None:
    with disk_daemon(config="[daemon]\nsnapshot_interval_s = 0.1\n") as daemon, daemon.connect() as wire:
        snapshots = daemon.state / "snapshots"
        task = "true " + "x" * 300_000  # rows that the snapshot has to copy
        ended(wire, wire.ok(op="dispatch", project="overbits", task=task)["job"])
        first = eventually(lambda: wire.ok(op="info")["last_snapshot"])
        ended(wire, wire.ok(op="dispatch", project="overbits", task=task)["job"])
        eventually(lambda: wire.ok(op="info")["last_snapshot"] != first)
        before = wire.ok(op="info")["last_snapshot"]
        daemon.disk.fill(leave_bytes=200_000)
        eventually(lambda: "ok" in wire.ask(op="dispatch", project="overbits", task="true", key="last"))
        eventually(lambda: "snapshot_failed" in daemon.log.read_text(), "the failure in the log")
        assert (snapshots / Path(before).name).exists()
        daemon.disk.make_room()
        recovered(wire)
        eventually(lambda: not {"queued", "starting", "running"} & set(wire.ok(op="info")["counts"]))
        eventually(lambda: wire.ok(op="info")["last_snapshot"] > before, "a snapshot")
        eventually(lambda: all(file.name.startswith("jobs-") for file in snapshots.iterdir()), "nothing unfinished")
        assert len(list(snapshots.iterdir())) <= 3


def test_without_inodes_jobs_wait_and_each_runs_once_when_there_are_some() -> None:
    with disk_daemon(options="size=8m,nr_inodes=200") as daemon, daemon.connect() as wire:
        ended(wire, wire.ok(op="dispatch", project="overbits", task="true")["job"])
        files = daemon.state / "files"
        files.mkdir()
        number = 0
        while True:
            try:
                (files / str(number)).touch()
            except OSError:
                break
            number += 1
        runs = daemon.root / "runs"
        job = wire.ok(op="dispatch", project="overbits", task=f"echo run >> {runs}; exit 4")["job"]
        eventually(lambda: "No space left" in daemon.log.read_text(), "the failed start in the log")
        assert not wire.ok(op="wait", jobs=[job], timeout_s=0.2)["jobs"][0]["ended_at"]
        for each in files.iterdir():
            each.unlink()
        final = ended(wire, job)
        assert (final["state"], final["exit_code"]) == ("failed", 4)
        assert runs.read_text() == "run\n"


def test_a_file_system_that_becomes_read_only_refuses_dispatches_and_costs_no_job() -> None:
    with disk_daemon(EXT4) as daemon:
        with daemon.connect() as wire:
            before = wire.ok(op="dispatch", project="overbits", task="exit 5")["job"]
            ended(wire, before)
            here = gate(daemon, "gate")
            job = running(wire, f"cat {here}; touch {daemon.root}/done; exit 9")
            daemon.disk.run('mount -o remount,abort "$0"')
            dispatch_is_refused(wire)
            assert wire.ok(op="status", job=before)["job"]["exit_code"] == 5
            assert wire.ok(op="status", job=job)["job"]["state"] == "running"
            here.write_text("")
            eventually((daemon.root / "done").exists, "the agent goes on")
        daemon.kill()
        daemon.disk.run('umount --lazy "$0" && mount -o loop "$0.img" "$0"')
        daemon.start_inside()
        with daemon.connect() as wire:
            assert wire.ok(op="status", job=before)["job"]["exit_code"] == 5
            assert ended(wire, job)["state"] in ("lost", "failed")
            after = wire.ok(op="dispatch", project="overbits", task="exit 3")["job"]
            assert ended(wire, after)["exit_code"] == 3
