"""A machine that goes down while jobs run: systemd ends what the stopped daemon has left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from integration.fake_agent import install, path_with
from support import PrivateDaemon, dispatch, ended, eventually, private_daemon, status

SYSTEMD = """
import os, select, signal, sys
open("/proc/self/comm", "w").write("systemd")
processes = [os.pidfd_open(int(word)) for word in sys.argv[1:]]
for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
    for process in processes:
        try:
            signal.pidfd_send_signal(process, number)
        except ProcessLookupError:  # one ends when another has told it to
            pass
for process in processes:
    select.select([process], [], [])
"""
"""What systemd-shutdown does to all processes: none runs before all have the signal. Like systemd, it is there until
they have ended: the shim looks up who sent the signal."""


def shut_down(*processes: int) -> None:
    """Stop processes as systemd does at a shutdown."""
    subprocess.run([sys.executable, "-c", SYSTEMD, *map(str, processes)], check=True)


def shim_and_agent(daemon: PrivateDaemon, job: str) -> tuple[int, int]:
    record = json.loads((daemon.root / "state/jobs" / job / "1" / "started.json").read_text())
    return record["pid"], record["agent_pid"]


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 4\n") as running:
        yield running


@pytest.mark.parametrize("with_agent", [False, True], ids=["the shim", "the shim and the agent"])
def test_a_job_that_a_shutdown_ends_is_lost_and_not_cancelled(daemon: PrivateDaemon, with_agent: bool) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "exec sleep 600")
        eventually(lambda: status(wire, job)["pid"])
    daemon.stop()
    shut_down(*shim_and_agent(daemon, job)[: 2 if with_agent else 1])
    daemon.start()
    with daemon.connect() as wire:
        (end,) = ended(wire, job)
    assert (end["state"], end["reason"]) == ("lost", "the machine was shut down while it ran")


def test_the_session_of_an_agent_is_resumed_after_the_boot(daemon: PrivateDaemon) -> None:
    program = install(daemon.root / "bin")
    environment = {"PATH": path_with(program)}
    with daemon.connect() as wire:
        job = wire.ok(
            op="dispatch",
            project="overbits",
            task="wait for the shutdown",
            agent="claude",
            retries=1,
            backoff_s=[0.001, 0.001],
            client_env=environment,
        )["job"]
        eventually(lambda: (program / "calls").exists() and status(wire, job)["pid"])
    daemon.stop()
    shut_down(*shim_and_agent(daemon, job))
    daemon.start()
    with daemon.connect() as wire:
        ended(wire, job)
        end = status(wire, job)
    assert [each["outcome"] for each in end["attempts"]] == ["lost", "completed"]
    first, second = [json.loads(line) for line in (program / "calls").read_text().splitlines()]
    assert (second["session"], second["resumed"]) == (first["session"], True)


def test_a_cancel_of_the_daemon_is_a_cancel(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "exec sleep 600", retries=1, backoff_s=[0.001, 0.001])
        eventually(lambda: status(wire, job)["pid"])
        wire.ok(op="cancel", job=job)
        ended(wire, job)
        end = status(wire, job)
    assert (end["state"], len(end["attempts"])) == ("cancelled", 1)
