"""Directories that are deleted, or closed, under the daemon: nothing runs twice, and it goes on when they are back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PrivateDaemon, eventually, private_daemon

AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""Root without the right to ignore permissions."""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


@pytest.fixture
def bound(daemon: PrivateDaemon) -> PrivateDaemon:
    """A daemon that has to respect permissions."""
    daemon.stop()
    start_bound(daemon)
    return daemon


def start_bound(daemon: PrivateDaemon) -> None:
    words = [*AS_ANYBODY, sys.executable, "-m", "luziad"] if os.geteuid() == 0 else [sys.executable, "-m", "luziad"]
    daemon.start(["-c", f"import os, sys; command = {words!r}; os.execvp(command[0], command + sys.argv[1:])"])


def gate(daemon: PrivateDaemon, name: str = "gate") -> Path:
    path = daemon.root / name
    os.mkfifo(path)
    return path


def running(daemon: PrivateDaemon, task: str) -> str:
    with daemon.connect() as wire:
        job: str = wire.ok(op="dispatch", project="overbits", task=task)["job"]
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
        return job


def test_when_the_jobs_directory_is_deleted_agents_go_on_and_their_exit_statuses_are_kept(
    daemon: PrivateDaemon,
) -> None:
    here, there, runs = gate(daemon), gate(daemon, "another"), daemon.root / "runs"
    job = running(daemon, f"echo run >> {runs}; cat {here}; exit 9")
    killed = running(daemon, f"echo run >> {runs}; cat {there}; kill -KILL $$")
    eventually(lambda: runs.exists() and runs.read_text().count("run") == 2)
    removed = (daemon.state / "jobs").rename(daemon.state / "removed")  # nobody writes into it while it is deleted
    shutil.rmtree(removed, ignore_errors=True)
    with daemon.connect() as wire:
        assert wire.ok(op="status", job=job)["job"]["state"] == "running"
        new = wire.ok(op="dispatch", project="overbits", task="echo hello; exit 3")["job"]
        (ended,) = wire.ok(op="wait", jobs=[new])["jobs"]
        assert (ended["exit_code"], wire.ok(op="logs", job=new)["data"]) == (3, "hello\n")
        here.write_text("")
        there.write_text("")
        first, second = wire.ok(op="wait", jobs=[job, killed])["jobs"]
        assert (first["state"], first["exit_code"], first["attempt"]) == ("failed", 9, 1)
        assert (second["state"], second["signal"], second["attempt"]) == ("failed", "SIGKILL", 1)
        assert wire.ok(op="info")["storage"] == "ok"
    assert runs.read_text() == "run\n" * 2


def test_a_job_whose_directory_is_deleted_before_a_restart_is_lost_and_not_run_again(daemon: PrivateDaemon) -> None:
    runs = daemon.root / "runs"
    job = running(daemon, f"echo run >> {runs}; echo $$ > {daemon.root}/pid; sleep 600")
    pid = int(eventually(lambda: (daemon.root / "pid").exists() and (daemon.root / "pid").read_text()) or 0)
    daemon.kill()
    shutil.rmtree(daemon.state / "jobs")
    daemon.start()
    with daemon.connect() as wire:
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
        assert (ended["state"], ended["reason"]) == ("lost", "its directory was deleted while it was running")
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "the end of the agent")
    assert runs.read_text() == "run\n"


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv for it")
def test_without_permission_jobs_wait_and_each_runs_once_when_it_is_given_back(bound: PrivateDaemon) -> None:
    here, runs = gate(bound), bound.root / "runs"
    job = running(bound, f"cat {here}; exit 9")
    (bound.state / "jobs").chmod(0)
    bound.state.chmod(0)
    try:
        with bound.connect() as wire:
            answer = wire.ask(op="dispatch", project="overbits", task=f"echo run >> {runs}; exit 4")
            here.write_text("")
            eventually(lambda: "Permission denied" in bound.log.read_text(), "the refusal in the log")
            assert wire.ok(op="status", job=job)["job"]["state"] in ("running", "failed")
    finally:
        bound.state.chmod(0o700)
        (bound.state / "jobs").chmod(0o700)
    with bound.connect() as wire:
        new = answer["ok"]["job"]
        ended, after = wire.ok(op="wait", jobs=[job, new])["jobs"]
        assert (ended["exit_code"], after["exit_code"]) == (9, 4)
        assert wire.ok(op="info")["storage"] == "ok"
    assert runs.read_text() == "run\n"


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv for it")
def test_a_daemon_that_may_not_use_its_directory_says_which_and_touches_nothing(bound: PrivateDaemon) -> None:
    bound.stop()
    bound.state.chmod(0o500)
    before = sorted(path.name for path in bound.state.iterdir())
    words = [*AS_ANYBODY, sys.executable, "-m", "luziad"] if os.geteuid() == 0 else [sys.executable, "-m", "luziad"]
    try:
        refused = subprocess.run(words, env=bound.env, capture_output=True, text=True, timeout=60)
    finally:
        bound.state.chmod(0o700)
    assert refused.returncode == 1
    assert f"{bound.state} cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sorted(path.name for path in bound.state.iterdir()) == before
    start_bound(bound)


def test_a_store_that_is_deleted_under_the_daemon_acknowledges_nothing_any_more(daemon: PrivateDaemon) -> None:
    aside = daemon.root / "aside.db"
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="exit 5")["job"]
        wire.ok(op="wait", jobs=[job])
        (daemon.state / "jobs.db").rename(aside)
        refused = wire.error(op="dispatch", project="overbits", task="true")
        assert refused["code"] == "storage_unavailable"
        assert "moved or deleted" in refused["message"]
        aside.rename(daemon.state / "jobs.db")
        eventually(lambda: wire.ok(op="info")["storage"] == "ok", "the recovery")
        assert wire.ok(op="dispatch", project="overbits", task="true")["job"]
