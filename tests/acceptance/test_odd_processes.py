"""A daemon that was started with closed streams or under low limits runs jobs, or says why it cannot."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from support import PrivateDaemon, dispatch, end_states

CLOSED = """
import os, resource, sys
for number in map(int, sys.argv.pop(1).split()):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "luziad", *sys.argv[1:]])
"""
NO_THREAD = """
import sys, threading
from luziad import cli
start = threading.Thread.start
def limited(thread):
    if thread.name == "store-writer":
        raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = limited
sys.exit(cli.main())
"""


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1", "0 1 2"])
def test_with_closed_streams_jobs_run(closed: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory))
        try:
            daemon.start(["-c", CLOSED, closed])
            with daemon.connect() as wire:
                job = dispatch(wire, "echo out; echo err >&2; ls -l /proc/self/fd/0")
                assert end_states(wire, job) == ["completed"]
                lines = wire.ok(op="logs", job=job)["data"].splitlines()
                assert {"out", "err"} < set(lines)
                assert any("/dev/null" in line for line in lines)
            daemon.stop()
        finally:
            daemon.end_everything()


def test_without_a_thread_for_the_store_the_daemon_says_so_in_one_sentence() -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory))
        with pytest.raises(AssertionError, match="the thread that writes the job store cannot be started") as raised:
            daemon.start(["-c", NO_THREAD])
        assert "Traceback" not in str(raised.value)
