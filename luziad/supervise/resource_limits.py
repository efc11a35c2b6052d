"""Limits on the resources of an attempt: by its cgroup if that has the controllers, else memory by process limits."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Any

from luziad.supervise import cgroup
from luziad.supervise.system_errors import describe_error

_PERIOD_US = 100_000
_SELECTED_BY_OOMD = "user.oomd_ooms"
_SHIM = 1
"""The shim counts as a process of the cgroup until it leaves."""


class LimitUnavailable(Exception):
    """Why the limits cannot be enforced, for the user."""


class ResourceLimits:
    """The limits of one attempt. limits: `max_memory_bytes`, `max_processes`, `max_cpus`; None for no limit."""

    def __init__(self, limits: dict[str, Any], group: cgroup.Cgroup | None) -> None:
        self._memory: int | None = limits["max_memory_bytes"]
        self._processes: int | None = limits["max_processes"]
        self._cpus: float | None = limits["max_cpus"]
        self._group = group
        self._by_cgroup = group is not None and os.path.exists(f"{group.path}/memory.max")
        self._before: tuple[int, int] | None = None

    def apply(self) -> None:
        """Apply the limits before the agent starts, so that it starts within them. Raises LimitUnavailable."""
        try:
            if self._processes is not None:
                self._write("pids.max", self._processes + _SHIM)
            if self._cpus is not None:
                self._write("cpu.max", f"{max(1000, round(self._cpus * _PERIOD_US))} {_PERIOD_US}")
            if self._memory is not None:
                self._set_memory(self._memory)
        except (OSError, ValueError) as error:
            raise LimitUnavailable(f"its limits cannot be enforced on this machine: {describe_error(error)}") from error

    def _set_memory(self, most: int) -> None:
        if self._by_cgroup:
            self._write("memory.max", most)
            with contextlib.suppress(OSError):  # not every kernel counts swap
                self._write("memory.swap.max", 0)
            return
        self._before = resource.getrlimit(resource.RLIMIT_DATA)
        hard = self._before[1]
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))

    def agent_started(self, agent: int) -> None:
        """The agent runs: make the limits final, and remove this process from them."""
        if self._before is not None and self._memory is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._before)
            most = resource.prlimit(agent, resource.RLIMIT_DATA)[0]
            with contextlib.suppress(OSError):  # it has already ended
                resource.prlimit(agent, resource.RLIMIT_DATA, (most, most))
        if self._group is None:
            return
        self._group.leave()
        with contextlib.suppress(OSError):
            if self._processes is not None:
                self._write("pids.max", self._processes)
            if self._by_cgroup and self._memory is not None and not self._group.inside:
                self._write("memory.oom.group", 1)  # kill the whole group, not a single process

    def start_failed(self) -> None:
        """The agent could not be started: undo the limits of this process."""
        if self._before is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def exceeded_memory_limit(self) -> int | None:
        """The memory limit if the kernel has killed a process because of it, else None."""
        if not self._by_cgroup or self._memory is None or self._group is None:
            return None
        events = _memory_events(self._group)
        return self._memory if events.get("oom_kill", 0) and events.get("oom", 0) else None

    def _write(self, name: str, value: object) -> None:
        if self._group is None:
            raise OSError("no cgroup could be created")
        cgroup.write(f"{self._group.path}/{name}", str(value).encode())


def find_memory_killer(group: cgroup.Cgroup | None) -> str | None:
    """What has killed processes of an attempt because memory outside of it was low: `systemd-oomd`, `kernel`, or None.

    systemd-oomd notes each cgroup that it selects in an extended attribute, before it kills the processes. The kernel
    counts `oom` in the cgroup whose limit was met, and `oom_kill` in that of the process, whatever limit was met.
    Sources: man systemd-oomd.service, Documentation/admin-guide/cgroup-v2.rst.
    """
    if group is None:
        return None
    with contextlib.suppress(OSError):  # it has no such attribute
        os.getxattr(group.path, _SELECTED_BY_OOMD)
        return "systemd-oomd"
    events = _memory_events(group)
    return "kernel" if events.get("oom_kill", 0) and not events.get("oom", 0) else None


def _memory_events(group: cgroup.Cgroup) -> dict[str, int]:
    """What the kernel has counted; nothing where the cgroup has no memory controller."""
    try:
        with open(f"{group.path}/memory.events", encoding="ascii") as file:
            return {name: int(count) for name, count in (line.split() for line in file)}
    except FileNotFoundError:
        return {}
