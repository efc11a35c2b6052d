"""Enables the cgroup controllers that enforce limits, and reports which limits are unsupported."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Set

from luzia_protocol.jobs import Bounds

from luziad.supervise import cgroup, tree

log = logging.getLogger(__name__)

_CONTROLLERS = frozenset(("memory", "pids", "cpu"))
_AVOIDED_BY_OOMD = "user.oomd_avoid"
_OWN_NAMES = ("luzia-forks", "luzia-shim")


class CgroupControllers:
    """The controllers of the cgroups that shims create, enabled for the first job that needs them."""

    def __init__(self) -> None:
        self._enabled: frozenset[str] = frozenset()

    def problem(self) -> str | None:
        """What limits cannot be enforced on this machine, and why; None when all can. Enables nothing."""
        return _reason(_CONTROLLERS - self._enabled - _offered())

    def unsupported_reason(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be enforced on this machine; None when they can."""
        needed = set()
        if bounds.max_processes is not None:
            needed.add("pids")
        if bounds.max_cpus is not None:
            needed.add("cpu")
        if bounds.max_memory_bytes is not None:
            needed.add("memory")
        if not needed <= self._enabled:
            self._enabled = _enable()
        return _reason(needed - self._enabled)


def _reason(missing: Set[str]) -> str | None:
    """Why limits that need these controllers cannot be enforced; None when they can."""
    missing = missing - {"memory"}  # a limit of each process serves instead
    if not missing:
        return None
    what = " and ".join(sorted({"pids": "processes", "cpu": "CPU"}[name] for name in missing))
    base = cgroup.find_base()
    if base is not None and cgroup.is_unit(base):
        return (
            f"limits on {what} need systemd 254 or newer, with Delegate= and DelegateSubgroup={cgroup.HOME} in"
            " luziad.service: with controllers in the service's own cgroup, it could not be restarted"
        )
    controllers = " and ".join(sorted(missing))
    return f"limits on {what} need a cgroup v2 that the daemon can write, with {controllers}"


def _offered() -> frozenset[str]:
    """The controllers that can be enabled."""
    base = cgroup.find_base()
    if base is None or cgroup.is_unit(base):
        return frozenset()
    return _CONTROLLERS & _words(f"{base}/cgroup.controllers")


def _enable() -> frozenset[str]:
    """Enable the controllers that can be, and return those that are enabled."""
    offered, base = _offered(), cgroup.find_base()
    if base is None or not offered:
        return frozenset()
    off = offered - _words(f"{base}/cgroup.subtree_control")
    try:
        if off:
            if os.path.exists(f"{base}/cgroup.type"):  # not the root cgroup: no process may be in it then
                _move_own_processes(base)
            cgroup.write(f"{base}/cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(off)).encode())
            log.info("controllers_on cgroup=%s controllers=%s", base, sorted(off))
    except OSError as error:
        log.warning("controllers_not_on cgroup=%s error=%s", base, error)
    return offered & _words(f"{base}/cgroup.subtree_control")


def _move_own_processes(base: str) -> None:
    """Move the daemon, fork servers and shims into a child cgroup. Raises OSError when other processes are there.

    Its processes were no candidates of systemd-oomd while it had no controllers. It asks for others to be killed first.
    """
    own = {os.getpid(), *(process.pid for process in tree.below(os.getpid(), tree.processes()))}
    pids = [int(word) for word in _words(f"{base}/cgroup.procs")]
    foreign = [pid for pid in pids if pid not in own and _name(pid) not in _OWN_NAMES]
    if foreign:
        raise OSError(f"other processes are in it: {foreign[:5]}")
    os.makedirs(f"{base}/{cgroup.HOME}", exist_ok=True)
    with contextlib.suppress(OSError):  # not every kernel has attributes of cgroups
        os.setxattr(f"{base}/{cgroup.HOME}", _AVOIDED_BY_OOMD, b"1")
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
