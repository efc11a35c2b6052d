"""A daemon that gets no inotify instance, because others have used them up."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from replaying import AGENTS, Replay
from support import Connection, PrivateDaemon, dispatch, ended, eventually, status

EXHAUST = "echo 0 > /proc/sys/user/max_inotify_instances"
START = f"""
import os, sys
os.execvp("unshare", ["unshare", "--user", "--map-root-user", "sh", "-c", {EXHAUST + ' && exec "$@"'!r}, "sh",
                      sys.executable, "-m", "luziad", *sys.argv[1:]])
"""
"""Runs luziad in a user namespace whose processes get no instance."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    probe = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", EXHAUST], check=False)
    if probe.returncode != 0:
        pytest.skip("no user namespace can be created here")
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), AGENTS)
        try:
            daemon.start(("-c", START))
            yield daemon
        finally:
            daemon.end_everything()


def test_followers_get_the_output_while_it_grows(wire: Connection, daemon: PrivateDaemon, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = dispatch(wire, f"echo one; until [ -e {shlex.quote(str(go))} ]; do sleep 0.05; done; echo two; sleep 600")
    with daemon.start_command("logs", "-f", job) as logs:
        assert logs.stdout is not None
        assert logs.stdout.readline() == "one\n"
        go.touch()
        assert logs.stdout.readline() == "two\n"
        wire.ok(op="cancel", job=job)
        ended(wire, job)


def test_an_agent_is_read_while_it_runs_and_its_budget_holds(wire: Connection, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "claude/success", "linger", max_turns=1) as agent:
        agent.print(2)
        eventually(lambda: (status(wire, agent.job)["activity"] or {}).get("turns") == 1)
        agent.print(agent.lines - 3)
        (job,) = ended(wire, agent.job)
    assert job["outcome"] == "over_budget"


def test_the_job_and_doctor_name_the_limit(wire: Connection, daemon: PrivateDaemon, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "claude/success") as agent:
        agent.print(1)
        eventually(lambda: status(wire, agent.job)["activity"])
        shown, doctor = daemon.run("jobs", agent.job).stdout, daemon.run("doctor").stdout
        assert "sysctl -w fs.inotify.max_user_instances=N" in shown.replace("\n", " ").replace("  ", ""), shown
        assert "sysctl -w fs.inotify.max_user_instances=N" in doctor
        agent.finish()
        ended(wire, agent.job)


def test_a_start_during_a_restart_is_seen(wire: Connection, daemon: PrivateDaemon) -> None:
    assert sys.executable
    job = dispatch(wire, "sleep 600")
    eventually(lambda: status(wire, job)["state"] == "running")
    daemon.kill()
    daemon.start(("-c", START))
    with daemon.connect() as again:
        eventually(lambda: status(again, job)["state"] == "running")
        again.ok(op="cancel", job=job)
        ended(again, job)
