"""Jobs that start later, over the socket of a real daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from private_luzia import private_luzia
from support import PrivateDaemon, private_daemon, status


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_job_waits_for_its_moment_and_says_so(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        moment = later(1.5)
        job = wire.ok(op="dispatch", project="overbits", argv=["true"], not_before=moment)["job"]
        waiting = status(wire, job)
        assert waiting["state"] == "queued"
        assert waiting["reason"].startswith("starts at ")
        other = wire.ok(op="dispatch", project="overbits", argv=["true"])["job"]
        wire.ok(op="wait", jobs=[other])
        wire.ok(op="wait", jobs=[job])
        started = datetime.fromisoformat(status(wire, job)["started_at"])
        assert started >= datetime.fromisoformat(moment)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_it_waits_on_after_a_restart(daemon: PrivateDaemon, how: str) -> None:
    with daemon.connect() as wire:
        soon = wire.ok(op="dispatch", project="overbits", argv=["true"], not_before=later(0.5))["job"]
        late = wire.ok(op="dispatch", project="overbits", argv=["true"], not_before=later(3600))["job"]
    daemon.kill() if how == "kill" else daemon.stop()
    daemon.start()
    with daemon.connect() as wire:
        wire.ok(op="wait", jobs=[soon])
        assert status(wire, soon)["state"] == "completed"
        assert status(wire, late)["state"] == "queued"


def test_it_can_be_cancelled_meanwhile_and_never_starts(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", argv=["true"], not_before=later(0.5))["job"]
        wire.ok(op="cancel", job=job)
        begun = time.monotonic()
        other = wire.ok(op="dispatch", project="overbits", argv=["true"], not_before=later(0.7))["job"]
        wire.ok(op="wait", jobs=[other])
        assert time.monotonic() - begun > 0.5
        assert (status(wire, job)["state"], status(wire, job)["attempts"]) == ("cancelled", [])


def test_a_moment_without_an_offset_is_refused(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        refused = wire.error(op="dispatch", project="overbits", argv=["true"], not_before="2120-01-01T00:00:00")
        assert refused["code"] == "bad_request"
        both = {"not_before": "2120-01-01T00:00:00Z", "start_in_s": 1}
        refused = wire.error(op="dispatch", project="overbits", argv=["true"], **both)
        assert refused["code"] == "bad_request"


def test_the_command_line_says_when() -> None:
    with private_luzia() as luzia, luzia.client() as client:
        said = luzia.run("--in", "1h", "--agent", "shell", "--json", ".", "true")
        assert said.returncode == 0, said.stderr
        job = client.get_job("@last")
        assert job.not_before is not None
        assert timedelta(minutes=58) < job.not_before - datetime.now(UTC) <= timedelta(hours=1)
