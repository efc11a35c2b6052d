"""Clocks: somebody sets the wall clock, or the machine sleeps, and no timeout, wait or duration changes.

The clocks of the daemon, its fork server and its shims are read through a file that tells how far each is off.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support import Connection, PrivateDaemon, eventually, status

OFF = """
import json, time
real_time, real_gettime = time.time, time.clock_gettime
def off(name):
    with open({file!r}) as file:
        return json.load(file).get(name, 0.0)
time.time = lambda: real_time() + off("wall")
names = {{time.CLOCK_REALTIME: "wall", time.CLOCK_BOOTTIME: "boottime"}}
time.clock_gettime = lambda clock: real_gettime(clock) + (off(names[clock]) if clock in names else 0.0)
"""
DAEMON = """
import sys
from luziad import cli
from luziad.executor import fork_server_client
command = fork_server_client.PYTHON_COMMAND
command[command.index("-c") + 1] = {off!r} + fork_server_client._BOOT
fork_server_client.command = lambda: command
sys.exit(cli.main())
"""
HOUR = 3600.0


class OffDaemon(PrivateDaemon):
    """A daemon whose clocks can be set."""

    def set(self, **off_s: float) -> None:
        """Let the clocks `wall` and `boottime` be off by so many seconds."""
        unfinished = self.root / "clocks.new"
        unfinished.write_text(json.dumps(off_s))
        unfinished.rename(self.root / "clocks")

    def start_off(self) -> None:
        off = OFF.format(file=str(self.root / "clocks"))
        self.start(["-c", off + DAEMON.format(off=off)])


@pytest.fixture
def daemon() -> Iterator[OffDaemon]:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = OffDaemon(Path(directory), "[daemon]\nmax_running = 4\ngrace_s = 0.2\n")
        daemon.set()
        try:
            daemon.start_off()
            yield daemon
        finally:
            daemon.end_everything()


CLOCKS = [{"wall": HOUR}, {"wall": -HOUR}, {"wall": 8 * HOUR, "boottime": 8 * HOUR}]
NAMES = ["set forward", "set back", "asleep"]


@pytest.mark.parametrize("off", CLOCKS, ids=NAMES)
@pytest.mark.parametrize("restarted", [False, True])
def test_neither_timeouts_nor_waits_change(daemon: OffDaemon, off: dict[str, float], restarted: bool) -> None:
    with daemon.connect() as wire:
        limits = {"long": HOUR / 2, "short": 2.0}
        jobs = {
            name: wire.ok(op="dispatch", project="overbits", task="sleep 1000", timeout_s=limit_s)["job"]
            for name, limit_s in limits.items()
        }
        eventually(lambda: wire.ok(op="info")["counts"].get("running") == 2)
        daemon.set(**off)
    if restarted:
        daemon.kill()
        daemon.start_off()
    with daemon.connect() as wire:
        assert wire.ok(op="wait", jobs=[jobs["long"]], timeout_s=0.1)["timed_out"]
        (short,) = wire.ok(op="wait", jobs=[jobs["short"]])["jobs"]
        assert short["state"] == "timed_out"
        assert wire.ok(op="status", job=jobs["long"])["job"]["state"] == "running"


@pytest.mark.parametrize("off", CLOCKS[:2], ids=NAMES[:2])
def test_a_job_has_taken_as_long_as_it_has_taken(daemon: OffDaemon, off: dict[str, float]) -> None:
    with daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="until [ -e stop ]; do sleep 0.02; done")["job"]
        eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
        daemon.set(**off)
        (daemon.project / "stop").touch()
        (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
    assert 0 < ended["duration_s"] < HOUR / 2


def long_wait(wire: Connection) -> str:
    """A failed job that waits for its retry, for more than a minute by the dice."""

    def rolled() -> str | None:
        job: str = wire.ok(
            op="dispatch", project="overbits", argv=["false"], retries=1, retry_on=["failed"], backoff_s=[HOUR, HOUR]
        )["job"]
        found = eventually(lambda: (found := status(wire, job))["attempt"] and found["state"] == "queued" and found)
        left = datetime.fromisoformat(found["not_before"]) - datetime.now(UTC)
        return job if left > timedelta(minutes=1) else None

    job = eventually(rolled)
    assert job is not None
    return job


@pytest.mark.parametrize("off", CLOCKS[:2], ids=NAMES[:2])
@pytest.mark.parametrize("restarted", [False, True])
def test_no_countdown_and_no_deadline_changes(daemon: OffDaemon, off: dict[str, float], restarted: bool) -> None:
    def dispatch(task: str, **terms: object) -> str:
        job: str = wire.ok(op="dispatch", project="overbits", argv=["sh", "-c", task], **terms)["job"]
        return job

    with daemon.connect() as wire:
        late = dispatch("true", start_in_s=HOUR / 2)
        long = {
            "queued": [late, long_wait(wire), dispatch("true", after=[late], expires_s=HOUR / 2)],
            "running": [dispatch("sleep 1000", job_timeout_s=HOUR / 2)],
        }
        once = "[ -e tried ] || { touch tried; exit 1; }"
        short = {
            dispatch("true", start_in_s=1.2): "completed",
            dispatch(once, retries=1, retry_on=["failed"], backoff_s=[1.2]): "completed",
            dispatch("true", after=[late], expires_s=1.2): "expired",
            dispatch("sleep 1000", job_timeout_s=1.2): "overdue",
        }
        eventually(lambda: wire.ok(op="info")["counts"].get("running", 0) >= 1)
        daemon.set(**off)
    if restarted:
        daemon.kill()
        daemon.start_off()
    with daemon.connect() as wire:
        ended = wire.ok(op="wait", jobs=list(short))["jobs"]
        assert {job["id"]: job["outcome"] for job in ended} == short
        for state, jobs in long.items():
            assert [status(wire, job)["state"] for job in jobs] == [state] * len(jobs)
        shown = datetime.fromisoformat(status(wire, late)["not_before"]).timestamp() - off["wall"]
        assert 0 < shown - time.time() < HOUR / 2
