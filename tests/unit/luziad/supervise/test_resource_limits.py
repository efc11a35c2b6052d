"""What an attempt may use at most, with real processes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.jobs import Outcome, Usage

from luziad.attempts.verdict import name_memory
from luziad.jobs.attempt import ExitRecord, Verdict
from luziad.supervise import cgroup, resource_limits
from support import eventually
from unit.luziad.supervise.helpers import ForkServer, exit_record, request
from unit.luziad.supervise.test_shim import run

MIB = 1 << 20
NONE: dict[str, Any] = {"max_memory_bytes": None, "max_processes": None, "max_cpus": None}
TELL = (
    "import json, resource, subprocess, sys\n"
    "told = 'import resource; print(list(resource.getrlimit(resource.RLIMIT_DATA)))'\n"
    "subprocess.run([sys.executable, '-c', told])\n"
    "try: bytearray(600 << 20)\n"
    "except MemoryError: sys.exit(7)\n"
)


def controllers() -> set[str]:
    """Which of the limits cgroups can keep here without being switched on."""
    base = cgroup.find_base()
    return set() if base is None else set(Path(base, "cgroup.subtree_control").read_text().split())


def group_without_shim(directory: Path) -> str | None:
    """The cgroup of an attempt once the agent is in it, and the shim no longer is."""
    try:
        started = json.loads((directory / "started.json").read_text())
        shim, agent = (Path(f"/proc/{started[key]}/cgroup").read_text() for key in ("pid", "agent_pid"))
    except (FileNotFoundError, KeyError, json.JSONDecodeError):
        return None
    group = str(started["cgroup"])
    name = os.path.basename(group)
    return group if name in agent and name not in shim else None


def bounded(directory: Path, *argv: str, **asked: object) -> dict[str, Any]:
    """Run an attempt under limits; returns its exit record."""
    script = f"request['bounds'] = {NONE | asked!r}; shim.run(request)"
    run(script, directory, *argv)
    return exit_record(directory)


def test_memory_is_limited_for_every_process_where_no_cgroup_does_it(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    end = bounded(directory, sys.executable, "-c", TELL, max_memory_bytes=512 * MIB)
    assert json.loads((directory / "stdout").read_text()) == [512 * MIB, 512 * MIB]
    assert (end["exit_code"], end["signal"]) == (7, None)
    assert "memory_limit_bytes" not in end, "nobody killed it"


def test_the_shim_itself_keeps_its_own_limits(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = f"""
import resource
before = resource.getrlimit(resource.RLIMIT_DATA)
request['bounds'] = {NONE | {"max_memory_bytes": 512 * MIB}!r}
shim.run(request)
assert resource.getrlimit(resource.RLIMIT_DATA) == before
"""
    run(script, directory, "true")
    assert exit_record(directory)["exit_code"] == 0


def test_an_agent_is_not_started_without_a_limit_that_it_must_have(tmp_path: Path) -> None:
    end = bounded(tmp_path / "job" / "1", "touch", f"{tmp_path}/ran", max_processes=5)
    assert end["error"] == "its limits cannot be enforced on this machine: no cgroup could be created"
    assert not (tmp_path / "ran").exists()


class Files(cgroup.Cgroup):
    """A cgroup of plain files, which hold what the kernel would be told."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.inside = True
        for name in ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"):
            (path / name).write_text("")
        (path / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\n")

    def leave(self) -> None:
        self.inside = False

    def text(self, name: str) -> str:
        return Path(self.path, name).read_text()


def test_the_kernel_is_told_the_limits_and_asked_whether_one_was_met(tmp_path: Path) -> None:
    group = Files(tmp_path)
    limits = resource_limits.ResourceLimits({"max_memory_bytes": 64 * MIB, "max_processes": 4, "max_cpus": 1.5}, group)
    limits.apply()
    told = [group.text(name) for name in ("memory.max", "memory.swap.max", "pids.max", "cpu.max")]
    assert told == [str(64 * MIB), "0", "5", "150000 100000"], "the shim is still one of the processes"
    limits.agent_started(os.getpid())
    assert (group.text("pids.max"), group.text("memory.oom.group")) == ("4", "1")
    assert limits.exceeded_memory_limit() is None
    Path(group.path, "memory.events").write_text("oom 1\noom_kill 2\n")
    assert limits.exceeded_memory_limit() == 64 * MIB


def test_who_was_killed_by_a_limit_is_told_so() -> None:
    end = ExitRecord(None, "SIGKILL", None, False, 0.0, 1.0, 1.0, Usage(), memory_limit_bytes=64 * MIB)
    verdict = name_memory(Verdict(Outcome.FAILED, "killed by SIGKILL"), end)
    assert verdict == Verdict(Outcome.FAILED, "killed by its memory limit of 64 MiB")
    assert name_memory(Verdict(Outcome.CANCELLED, "cancelled"), end).outcome is Outcome.CANCELLED


def test_who_was_killed_because_memory_was_low_elsewhere_is_told_by_what() -> None:
    def reason(killer: str, signal: str | None, verdict: str) -> str | None:
        end = ExitRecord(None, signal, None, False, 0.0, 1.0, 1.0, Usage(), memory_killer=killer)  # type: ignore[arg-type]
        return name_memory(Verdict(Outcome.FAILED, verdict), end).reason

    assert reason("systemd-oomd", "SIGKILL", "killed by SIGKILL") == "killed by systemd-oomd: memory was low"
    kernel = "the kernel: the machine or the service was out of memory"
    assert reason("kernel", "SIGKILL", "killed by SIGKILL") == f"killed by {kernel}"
    expected = f"exit code 1 (a process of it was killed by {kernel})"
    assert reason("kernel", None, "exit code 1") == expected


@pytest.mark.parametrize("limit", [None, 64 * MIB])
def test_a_kill_by_the_kernel_below_the_limit_is_one_for_the_memory_of_others(
    tmp_path: Path, limit: int | None
) -> None:
    group = Files(tmp_path)
    limits = resource_limits.ResourceLimits(NONE | {"max_memory_bytes": limit}, group)
    assert resource_limits.find_memory_killer(group) is None
    Path(group.path, "memory.events").write_text("max 3\noom 0\noom_kill 2\noom_group_kill 0\n")
    assert limits.exceeded_memory_limit() is None
    assert resource_limits.find_memory_killer(group) == "kernel"
    Path(group.path, "memory.events").unlink()
    assert resource_limits.find_memory_killer(group) is None


@pytest.mark.skipif(cgroup.find_base() is None, reason="no cgroup v2 can be written here")
def test_a_job_that_systemd_oomd_kills_says_so(fork_server: ForkServer, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    fork_server.send(request(directory, "sleep", "600"))
    eventually(lambda: group_without_shim(directory))
    group = group_without_shim(directory)
    assert group is not None
    os.setxattr(group, "user.oomd_ooms", b"1")
    cgroup.kill(group)
    eventually((directory / "exit.json").exists)
    end = exit_record(directory)
    assert (end["signal"], end["memory_killer"]) == ("SIGKILL", "systemd-oomd")


@pytest.mark.skipif("memory" not in controllers(), reason="no cgroup v2 with the memory controller is on here")
def test_a_job_above_its_memory_is_killed_whole_and_says_so(fork_server: ForkServer, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    eat = "sleep 600 & exec " + sys.executable + " -c 'x = []\nwhile True: x.append(b\"x\" * (1 << 20))'"
    asked = NONE | {"max_memory_bytes": 64 * MIB}
    fork_server.send(request(directory, "sh", "-c", eat, bounds=asked))
    eventually((directory / "exit.json").exists)
    end = exit_record(directory)
    assert (end["signal"], end["memory_limit_bytes"]) == ("SIGKILL", 64 * MIB)


@pytest.mark.skipif("pids" not in controllers(), reason="no cgroup v2 with the pids controller is on here")
def test_a_job_has_no_more_processes_than_it_may(fork_server: ForkServer, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    fork = "import os\nfor n in range(9):\n if not os.fork(): import time; time.sleep(600)"
    fork_server.send(request(directory, sys.executable, "-c", fork, bounds=NONE | {"max_processes": 4}))
    eventually((directory / "exit.json").exists)
    assert exit_record(directory)["exit_code"] == 1
    assert b"BlockingIOError" in (directory / "stderr").read_bytes()
