"""Jobs that give no activity for too long are ended; those that give one are left alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import Connection, PrivateDaemon, dispatch, eventually, private_daemon

SPAN_S = 0.4


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def test_a_job_that_gives_no_sign_of_life_is_ended_as_stalled(wire: Connection) -> None:
    job = dispatch(wire, "echo begun; sleep 600", stall_timeout_s=SPAN_S)
    (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
    assert (ended["state"], ended["outcome"], ended["reason"]) == ("timed_out", "stalled", "no activity for 0.4 s")
    assert ended["stall_timeout_s"] == SPAN_S


def test_a_silent_job_that_works_is_left_alone(wire: Connection) -> None:
    span_s = 1.5
    work = f"import time\nwhile time.process_time() < {1.4 * span_s}: pass"  # no less by the clock on the wall
    job = dispatch(wire, f"{sys.executable} -SEc '{work}'; exit 7", stall_timeout_s=span_s)
    (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
    assert (ended["state"], ended["exit_code"]) == ("failed", 7)


def test_a_restarted_daemon_watches_on() -> None:
    with private_daemon(f"[daemon]\nstall_timeout_s = {SPAN_S * 5}\n") as daemon:
        with daemon.connect() as wire:
            job = dispatch(wire, "sleep 600")
            eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire:
            (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
            assert ended["outcome"] == "stalled"


def test_a_span_that_is_none_is_refused(wire: Connection) -> None:
    error = wire.error(op="dispatch", project="overbits", task="true", stall_timeout_s=0)
    assert error["code"] == "bad_request"
    assert "stall_timeout_s" in error["message"]


def test_nobody_looks_at_a_job_that_may_be_silent(wire: Connection, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    patient = dispatch(wire, f"read word < {gate}")
    hasty = dispatch(wire, "sleep 600", stall_timeout_s=SPAN_S)
    wire.ok(op="wait", jobs=[hasty])
    assert wire.ok(op="status", job=patient)["job"]["state"] == "running"
    gate.write_text("go\n")
    (ended,) = wire.ok(op="wait", jobs=[patient])["jobs"]
    assert ended["state"] == "completed"
