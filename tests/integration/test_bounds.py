"""What a job may use at most, as clients ask for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from luziad.supervise import cgroup
from support import private_daemon

MIB = 1 << 20
CONFIG = '\n[projects.small]\npath = "{root}"\nagent = "shell"\nmax_memory_bytes = 536870912\n'
GREEDY = [sys.executable, "-c", "bytearray(600 << 20)"]


def offered() -> set[str]:
    """The controllers that the daemon could switch on here."""
    base = cgroup.find_base()
    return set() if base is None else set(Path(base, "cgroup.controllers").read_text().split())


def test_a_job_gets_no_more_memory_than_it_or_its_project_says() -> None:
    with private_daemon(CONFIG) as daemon, daemon.connect() as wire:
        jobs = [
            wire.ok(op="dispatch", project="overbits", argv=GREEDY)["job"],
            wire.ok(op="dispatch", project="overbits", argv=GREEDY, max_memory_bytes=512 * MIB)["job"],
            wire.ok(op="dispatch", project="small", argv=GREEDY)["job"],
        ]
        ended = wire.ok(op="wait", jobs=jobs)["jobs"]
        assert [job["outcome"] for job in ended] == ["completed", "failed", "failed"]
        assert ended[2]["bounds"] == {"max_memory_bytes": 512 * MIB}
        assert ended[0]["bounds"] is None


@pytest.mark.skipif("pids" in offered(), reason="the limit can be kept here")
def test_a_limit_that_cannot_be_kept_is_refused_at_once() -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        refused = wire.error(op="dispatch", project="overbits", task="true", max_processes=100)
        assert refused["code"] == "limit_unavailable"
        assert "limits on processes need a cgroup v2" in refused["message"]
        shown = daemon.run("--max-cpus", "1.5", "--agent", "shell", "overbits", "true")
        assert shown.returncode == 4
        assert "limits on CPU need a cgroup v2" in shown.stderr


@pytest.mark.parametrize("field", [{"max_memory_bytes": 1}, {"max_processes": 0}, {"max_cpus": 0}, {"max_cpus": -1.5}])
def test_limits_that_make_no_sense_are_refused(field: dict[str, float]) -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        refused = wire.error(op="dispatch", project="overbits", task="true", **field)
        assert refused["code"] == "bad_request"
        assert f"`{next(iter(field))}` must be" in refused["message"]
