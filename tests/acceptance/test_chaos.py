"""Faults on purpose, at exact points: the daemon and its shims die or fail there, and every promise holds.

`make chaos` does the same at random, for longer; the last test here is a short run of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos import faults
from support import DEADLINE_S, PrivateDaemon, eventually

TESTS = Path(__file__).resolve().parents[1]


class FaultyDaemon(PrivateDaemon):
    """A daemon to which faults can be done."""

    def __init__(self, root: Path) -> None:
        self.plan = root / "plan.json"
        super().__init__(root, env={"CHAOS_PLAN": str(self.plan)})
        self.runs = root / "runs"

    def start_faulty(self) -> None:
        self.start([faults.__file__])

    def set_plan(self, **plan: Any) -> None:
        _replace(self.plan, plan)

    def set_shim_plan(self, **plan: Any) -> None:
        for name in ("once", "killed", "failed"):
            Path(f"{self.plan}.shims.{name}").unlink(missing_ok=True)
        _replace(Path(f"{self.plan}.shims"), plan | {"share": 1.0, "once": True})

    def request(self, end: str) -> dict[str, str]:
        """A job that leaves a trace of each run, and something in the background when it ends."""
        task = f"echo $LUZIA_ATTEMPT >> {self.runs}; (setsid sleep 600 &); {end}"
        return {"op": "dispatch", "project": "overbits", "task": task, "key": "the-key"}

    def processes(self) -> list[str]:
        """The command lines of all living processes of jobs."""
        mark = f"LUZIA_SOCKET={self.socket}".encode()
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue  # it has just ended, or is somebody else's
        return found


def _replace(file: Path, plan: dict[str, Any]) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(plan))
    unfinished.rename(file)


@pytest.fixture
def daemon() -> Iterator[FaultyDaemon]:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = FaultyDaemon(Path(directory))
        try:
            daemon.start_faulty()
            yield daemon
        finally:
            daemon.end_everything()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("point", "count"),
    [
        *(("write", 1), ("write", 2), ("write", 3), ("submit", 1), ("reply", 1), ("rename", 1)),
        *(("fsync", 1), ("spawn", 1), ("look", 1)),
    ],
)
def test_a_job_runs_once_and_keeps_its_id_wherever_the_daemon_dies(
    daemon: FaultyDaemon, point: str, count: int, when: str
) -> None:
    if point == "spawn":  # a fork server is started when one is needed and none is there
        with daemon.connect() as wire:
            os.kill(wire.ok(op="info")["fork_server_pid"], 9)
            eventually(lambda: wire.ok(op="info")["fork_server_pid"] is None)
    daemon.set_plan(kill=point, when=when, count=count)
    told = None
    try:
        with daemon.connect() as wire:
            told = wire.ask(**daemon.request("exit 137"))["ok"]["job"]
            wire.ok(op="wait", jobs=[told])
            daemon.kill()  # two changes shared a commit, so that there were too few
    except (EOFError, ConnectionResetError, BrokenPipeError):
        assert daemon.process is not None
        assert daemon.process.wait(DEADLINE_S) == -9
    daemon.plan.unlink()
    daemon.start_faulty()
    with daemon.connect() as wire:
        job = wire.ok(**daemon.request("exit 137"))["job"]
        assert told in (None, job)
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
        assert len(wire.ok(op="list")["jobs"]) == 1
    assert (ended["state"], ended["exit_code"], ended["signal"]) == ("failed", 137, None)
    assert daemon.runs.read_text() == f"{ended['attempt']}\n"
    assert daemon.processes() == []


BEFORE = [
    (point, when) for point in ("make_directory", "lock", "write_new", "reserve_record") for when in ("before", "after")
]


@pytest.mark.parametrize(
    ("points", "state", "attempt"),
    [
        ([*BEFORE, ("write_start", "before")], "completed", 2),
        ([("write_start", "after"), ("start", "before"), ("start", "after")], "lost", 1),
        ([("update_start", "before"), ("update_start", "after"), ("publish_record", "before")], "lost", 1),
        ([("publish_record", "after"), ("mark_finished", "before"), ("mark_finished", "after")], "completed", 1),
    ],
)
def test_an_attempt_runs_once_at_most_and_leaves_nothing_wherever_its_shim_dies(
    daemon: FaultyDaemon, points: list[tuple[str, str]], state: str, attempt: int
) -> None:
    with daemon.connect() as wire:
        for point, when in points:
            daemon.set_shim_plan(kill=point, when=when)
            job = wire.ok(**daemon.request("exit 0") | {"key": f"{point}-{when}"})["job"]
            (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
            assert (point, when, ended["state"], ended["attempt"]) == (point, when, state, attempt)
            runs = daemon.runs.read_text() if daemon.runs.exists() else ""
            assert runs in (("", "1\n") if state == "lost" else (f"{attempt}\n",))
            assert daemon.processes() == []
            daemon.runs.unlink(missing_ok=True)


@pytest.mark.parametrize("code", ["ENOSPC", "EIO", "EROFS", "EACCES"])
def test_without_storage_new_jobs_are_refused_and_agents_go_on(daemon: FaultyDaemon, code: str) -> None:
    gate = daemon.root / "gate"
    os.mkfifo(gate)
    with daemon.connect() as wire:
        running = wire.ok(op="dispatch", project="overbits", task=f"cat {gate}; exit 9")["job"]
        doomed = wire.ok(op="dispatch", project="overbits", task="sleep 600")["job"]
        eventually(lambda: wire.ok(op="info")["counts"].get("running") == 2)
        daemon.set_plan(fail=dict.fromkeys(("write", "fsync", "rename", "mkdir"), code))
        for _ in range(3):
            assert wire.error(**daemon.request("exit 0"))["code"] == "storage_unavailable"
        assert wire.ok(op="info")["storage"] != "ok"
        gate.write_text("output\n")
        assert wire.ok(op="cancel", job=doomed)["state"] == "stopping"
        for job in (running, doomed):
            eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists)
        eventually(lambda: daemon.processes() == [])
        assert wire.ok(op="logs", job=running)["data"] == "output\n"
        daemon.plan.unlink()
        eventually(lambda: wire.ok(op="info")["storage"] == "ok", "the recovery")
        ended, cancelled = wire.ok(op="wait", jobs=[running, doomed])["jobs"]
        assert (ended["state"], ended["exit_code"]) == ("failed", 9)
        assert cancelled["state"] == "cancelled"
        assert wire.ok(**daemon.request("exit 0"))["created"], "what was refused is not there"
    daemon.kill()
    daemon.start_faulty()
    with daemon.connect() as wire:
        ended, cancelled = wire.ok(op="wait", jobs=[running, doomed])["jobs"]
        assert (ended["exit_code"], cancelled["state"]) == (9, "cancelled")


def test_a_change_whose_commit_is_the_first_to_fail_is_answered_and_written_later(daemon: FaultyDaemon) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="exit 4", hold=True)["job"]
        daemon.set_plan(fail={"write": "ENOSPC"})
        assert wire.ok(op="release", job=job)["job"] == job
        daemon.plan.unlink()
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
        assert ended["exit_code"] == 4


def test_a_daemon_that_dies_without_storage_loses_no_exit_code(daemon: FaultyDaemon) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="sleep 0.3; kill -KILL $$")["job"]
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
        daemon.set_plan(fail={"write": "ENOSPC"})
        eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists)
    daemon.kill()
    daemon.plan.unlink()
    daemon.start_faulty()
    with daemon.connect() as wire:
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
        assert (ended["state"], ended["exit_code"], ended["signal"]) == ("failed", None, "SIGKILL")


def test_a_timeout_while_storage_fails_is_one_also_for_the_next_daemon(daemon: FaultyDaemon) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="sleep 600", timeout_s=1.0)["job"]
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] in ("running", "stopping", "timed_out"))
        daemon.set_plan(fail={"write": "ENOSPC"})
        eventually((daemon.state / "jobs" / job / "1" / "exit.json").exists)
    daemon.kill()
    daemon.plan.unlink()
    daemon.start_faulty()
    with daemon.connect() as wire:
        assert wire.ok(op="wait", jobs=[job])["jobs"][0]["state"] == "timed_out"


def test_a_short_chaos_run_breaks_no_promise() -> None:
    command = [sys.executable, "-m", "chaos.run", "--kills", "40", "--seconds", "10", "--seed", "short"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_few_hostile_clients_and_jobs_break_no_promise() -> None:
    command = [sys.executable, "-m", "chaos.hostile", "--clients", "1", "--jobs", "1", "--kinds", "4"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
