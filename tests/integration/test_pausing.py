"""Pausing a running job, as clients see it."""

from __future__ import annotations

from pathlib import Path

from support import Connection, eventually, private_daemon

TICKING = "while [ ! -e go ]; do echo tick; sleep 0.02; done"


def state(wire: Connection, job: str) -> str:
    found: str = wire.ok(op="status", job=job)["job"]["state"]
    return found


def started(wire: Connection, task: str, **fields: object) -> str:
    """A job that runs."""
    job: str = wire.ok(op="dispatch", project="overbits", task=task, **fields)["job"]
    eventually(lambda: state(wire, job) == "running", "a running job")
    return job


def test_a_paused_job_stays_paused_over_a_crash_of_the_daemon_until_it_is_resumed() -> None:
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            job = started(wire, TICKING)
            assert wire.ok(op="pause", job=job) == {"job": job, "state": "paused", "attempt": 1}
            assert wire.ok(op="pause", job=job)["state"] == "paused"
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire:
            assert state(wire, job) == "paused"
            (Path(daemon.project) / "go").touch()
            assert wire.ok(op="wait", jobs=[job], timeout_s=0.3)["timed_out"]
            assert wire.ok(op="resume", job=job)["state"] == "running"
            assert wire.ok(op="wait", jobs=[job])["jobs"][0]["outcome"] == "completed"
            told = wire.ok(op="subscribe", after=0, jobs=[job], kinds=["paused", "resumed", "ended"])
            assert told == {}
            kinds = [wire.receive()["event"]["kind"] for _ in range(4)]
            assert kinds == ["paused", "paused", "resumed", "ended"]


def test_a_paused_job_can_be_cancelled() -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        job = started(wire, "sleep 600")
        wire.ok(op="pause", job=job)
        assert wire.ok(op="cancel", job=job)["state"] == "stopping"
        assert wire.ok(op="wait", jobs=[job])["jobs"][0]["outcome"] == "cancelled"


def test_only_a_running_job_can_be_paused() -> None:
    with private_daemon("\n[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire:
        running = started(wire, "sleep 600")
        waiting = wire.ok(op="dispatch", project="overbits", task="true")["job"]
        assert wire.error(op="pause", job=waiting)["code"] == "job_not_running"
        assert wire.error(op="resume", job=waiting)["message"] == f"job {waiting} is queued"
        assert wire.ok(op="resume", job=running)["state"] == "running", "nothing to do is no error"
        wire.ok(op="cancel", job=running)
        wire.ok(op="wait", jobs=[running, waiting])
        assert wire.error(op="pause", job=running)["code"] == "job_not_running"


def test_the_commands_pause_and_resume_several_jobs() -> None:
    with private_daemon("\n[daemon]\nmax_running = 2\n") as daemon, daemon.connect() as wire:
        jobs = [started(wire, TICKING) for _ in range(2)]
        assert daemon.run("pause", *jobs).stdout == f"{jobs[0]}  paused\n{jobs[1]}  paused\n"
        assert daemon.run("pause", jobs[0]).stdout == f"{jobs[0]}  already paused (paused)\n"
        assert "paused" in daemon.run("jobs", jobs[0]).stdout
        assert daemon.run("resume", *jobs).stdout == f"{jobs[0]}  resumed\n{jobs[1]}  resumed\n"
        assert daemon.run("resume", jobs[0]).stdout == f"{jobs[0]}  not paused (running)\n"
        (Path(daemon.project) / "go").touch()
        assert daemon.run("wait", *jobs).returncode == 0
