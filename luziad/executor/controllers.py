"""Which limits can be kept for jobs here, and switching on the cgroup controllers that keep them."""

from __future__ import annotations

import logging
import os

from luzia_protocol.jobs import Bounds

from luziad.supervise import cgroup, tree

log = logging.getLogger(__name__)

_WANTED = frozenset(("memory", "pids", "cpu"))
_OURS = ("luzia-forks", "luzia-shim")


class Controllers:
    """The controllers of the cgroups that shims make; switched on for the first job that needs them."""

    def __init__(self) -> None:
        self._on: frozenset[str] = frozenset()

    def problem_with(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be kept here, None when they can."""
        needed = set()
        if bounds.max_processes is not None:
            needed.add("pids")
        if bounds.max_cpus is not None:
            needed.add("cpu")
        if bounds.max_memory_bytes is not None:
            needed.add("memory")
        if not needed <= self._on:
            self._on = _switch_on()
        missing = needed - self._on - {"memory"}  # a limit of the process does for that
        if not missing:
            return None
        what = " and ".join(sorted({"pids": "processes", "cpu": "CPU"}[name] for name in missing))
        return f"a limit of {what} needs a cgroup v2 that the daemon may write, with {' and '.join(sorted(missing))}"


def _switch_on() -> frozenset[str]:
    """Switch on what can be; returns what is on."""
    base = cgroup.find_base()
    if base is None:
        return frozenset()
    offered = _WANTED & _words(f"{base}/cgroup.controllers")
    off = offered - _words(f"{base}/cgroup.subtree_control")
    try:
        if off:
            if os.path.exists(f"{base}/cgroup.type"):  # any but the root: no process may be in it then
                _move_home(base)
            cgroup.write(f"{base}/cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(off)).encode())
            log.info("controllers_on cgroup=%s controllers=%s", base, sorted(off))
    except OSError as error:
        log.warning("controllers_not_on cgroup=%s error=%s", base, error)
    return offered & _words(f"{base}/cgroup.subtree_control")


def _move_home(base: str) -> None:
    """Move the daemon, fork servers and shims into a cgroup below. Raises OSError when others are there."""
    own = {os.getpid(), *(process.pid for process in tree.below(os.getpid(), tree.processes()))}
    pids = [int(word) for word in _words(f"{base}/cgroup.procs")]
    strangers = [pid for pid in pids if pid not in own and _name(pid) not in _OURS]
    if strangers:
        raise OSError(f"processes of others are in it: {strangers[:5]}")
    os.makedirs(f"{base}/{cgroup.HOME}", exist_ok=True)
    for pid in pids:
        cgroup.write(f"{base}/{cgroup.HOME}/cgroup.procs", b"%d" % pid)


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _words(path: str) -> frozenset[str]:
    with open(path, encoding="ascii") as file:
        return frozenset(file.read().split())
