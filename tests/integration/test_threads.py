"""A limit of processes that is reached while the daemon runs, or when it starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from support import DEADLINE_S, Connection, PrivateDaemon, private_daemon

WITHOUT_NEW_THREADS = """
import os, sys, threading
from luziad import cli
limit, start = sys.argv.pop(1) + "/limit", threading.Thread.start
def limited(thread):
    if os.path.exists(limit):
        raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = limited
sys.exit(cli.main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    """A daemon that can start no thread after its start."""
    with private_daemon(program=["-c", WITHOUT_NEW_THREADS, "{root}"]) as running:
        (running.root / "limit").touch()
        yield running


def test_jobs_end_and_their_output_is_read_when_no_thread_can_be_started(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="echo done")["job"]
    assert wire.ok(op="wait", jobs=[job], timeout_s=DEADLINE_S)["jobs"][0]["state"] == "completed"
    assert wire.ok(op="logs", job=job)["data"] == "done\n"


def test_a_daemon_that_cannot_start_its_threads_says_what_to_raise(daemon: PrivateDaemon) -> None:
    daemon.stop()
    command = [sys.executable, "-c", WITHOUT_NEW_THREADS, str(daemon.root)]
    done = subprocess.run(command, env=daemon.env, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert "ulimit -u" in done.stderr
    assert "Traceback" not in done.stderr
