"""Agents run at a lower priority than the daemon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luziad.supervise import cgroup
from support import PrivateDaemon, dispatch, ended, eventually, private_daemon, status

AUTOGROUP = Path("/proc/self/autogroup")
GROUPS = cgroup.find_base()
HAS_WEIGHTS = GROUPS is not None and "cpu" in Path(GROUPS, "cgroup.subtree_control").read_text().split()


def run_nice(daemon: PrivateDaemon) -> tuple[int, str]:
    """The nice value of a job's child, and the autogroup of the job; the child is started when both are set."""
    os.mkfifo(daemon.project / "gate")
    with daemon.connect() as wire:
        job = dispatch(wire, "read line < gate; nice")
        eventually(lambda: status(wire, job)["pid"], "the start")
        pid = status(wire, job)["pid"]
        autogroup = Path(f"/proc/{pid}/autogroup").read_text() if AUTOGROUP.exists() else ""
        (daemon.project / "gate").write_text("go\n")
        ended(wire, job)
        return int(wire.ok(op="logs", job=job)["data"]), autogroup


@pytest.mark.parametrize(("config", "nice"), [("", 5), ("nice = 11", 11), ("nice = 0", 0)])
def test_a_job_has_the_nice_value_of_the_configuration(config: str, nice: int) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with private_daemon(f"[daemon]\n{config}\n") as daemon:
        assert daemon.process is not None
        seen, autogroup = run_nice(daemon)
        assert seen == max(nice, own)
        assert os.getpriority(os.PRIO_PROCESS, daemon.process.pid) == own
        if autogroup and os.geteuid() == 0:  # others may change one only ten times a second
            assert autogroup.endswith(f"nice {nice}\n")


@pytest.mark.skipif(not HAS_WEIGHTS, reason="no cgroup v2 with the cpu controller can be written here")
def test_a_job_has_less_weight_than_the_daemon_in_its_cgroup() -> None:
    with private_daemon("[daemon]\nnice = 7\n") as daemon, daemon.connect() as wire:
        job = dispatch(wire, "sleep 600")
        eventually(lambda: status(wire, job)["pid"], "the start")
        (line,) = (
            each[3:]
            for each in Path(f"/proc/{status(wire, job)['pid']}/cgroup").read_text().splitlines()
            if each.startswith("0::")
        )
        group = Path(str(GROUPS), Path(line).name)
        assert (group / "cpu.weight.nice").read_text() == "7\n"
