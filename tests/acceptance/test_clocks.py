"""Clocks: somebody sets the wall clock, or the machine sleeps, and no timeout, wait or duration changes.

The clocks of the daemon, its fork server and its shims are read through a file that tells how far each is off.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PrivateDaemon, eventually

OFF = """
import json, time
real_time, real_gettime = time.time, time.clock_gettime
def off(name):
    with open({file!r}) as file:
        return json.load(file).get(name, 0.0)
time.time = lambda: real_time() + off("wall")
time.clock_gettime = lambda clock: real_gettime(clock) + (off("boottime") if clock == time.CLOCK_BOOTTIME else 0.0)
"""
DAEMON = """
import sys
from luziad import cli
from luziad.executor import forks
forks._COMMAND[forks._COMMAND.index("-c") + 1] = {off!r} + forks._BOOT
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
