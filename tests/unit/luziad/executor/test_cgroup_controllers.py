"""Which limits can be enforced in the cgroup of a service, with real cgroups."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luziad.supervise import cgroup
from support import ROOT

BASE = cgroup.find_base()
pytestmark = pytest.mark.skipif(BASE is None, reason="no cgroup v2 can be written here")

ASK = """
import os, sys
sys.path[:0] = sys.argv[2:]
with open(sys.argv[1] + "/cgroup.procs", "w") as procs:
    procs.write("0")
from luzia_protocol.jobs import Bounds
from luziad.executor.cgroup_controllers import CgroupControllers
controllers = CgroupControllers()
print(controllers.problem())
print(controllers.unsupported_reason(Bounds(max_processes=9)))
"""


@pytest.fixture
def service() -> Iterator[Path]:
    """The cgroup of a service."""
    path = Path(str(BASE), f"test-{os.getpid()}.service")
    path.mkdir()
    yield path
    cgroup.remove(str(path))


def ask(group: Path) -> list[str]:
    """The problem of a daemon in this cgroup, and why it refuses a limit on processes."""
    words = [sys.executable, "-c", ASK, str(group), str(ROOT), str(ROOT / "protocol")]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def test_controllers_are_not_enabled_in_the_cgroup_in_which_systemd_starts_the_service(service: Path) -> None:
    problem, refused = ask(service)
    assert problem.startswith("limits on CPU and processes need systemd 254 or newer")
    assert refused.startswith("limits on processes need systemd 254 or newer")
    assert (service / "cgroup.subtree_control").read_text().split() == []


def test_in_a_subgroup_only_the_controllers_of_the_machine_matter(service: Path) -> None:
    home = service / cgroup.HOME
    home.mkdir()
    _, refused = ask(home)
    if "pids" in (service / "cgroup.controllers").read_text().split():
        assert refused == "None"
        assert "pids" in (service / "cgroup.subtree_control").read_text().split()
    else:
        assert refused == "limits on processes need a cgroup v2 that the daemon can write, with pids"
