"""One cgroup per attempt, if a cgroup v2 is writable: its processes cannot escape, and are killed at once.

A shim enters a new cgroup before it knows its attempt, so that the agent starts in it, and leaves it later: moving a
process takes some 10 ms on an idle machine, more than a short command.
"""

from __future__ import annotations

import contextlib
import os

from luziad.supervise import tree

PREFIX = "luzia-"
HOME = "luzia-home"
"""The cgroup of the daemon's own processes once controllers are enabled: no process may be in its parent then."""

_PROBE = "luziad-probe"
_PROCS = "cgroup.procs"
_KILL = "cgroup.kill"


def own_directory() -> str | None:
    """The directory of this process's cgroup; None without a mounted cgroup v2."""
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        own = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
    if own is None or own.startswith("/.."):
        return None
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            root, place = before.split(" ")[3:5]
            if not after.startswith("cgroup2 ") or "\\" in place:
                continue
            root = root.rstrip("/")
            if own == root or own.startswith(root + "/"):
                return (place + own[len(root) :]).rstrip("/")
    return None


def find_base() -> str | None:
    """The directory in which cgroups for attempts can be created; None when there is none."""
    base = own_directory()
    if base is None:
        return None
    if os.path.basename(base) == HOME:
        base = os.path.dirname(base)
    probe = f"{base}/{_PROBE}-{os.getpid()}"
    try:
        os.mkdir(probe)
    except OSError:
        return None
    can_kill = os.access(f"{probe}/{_KILL}", os.W_OK)
    os.rmdir(probe)
    return base if can_kill and os.access(f"{base}/{_PROCS}", os.W_OK) else None


def is_unit(base: str) -> bool:
    """Whether this process is directly in the cgroup of a systemd service.

    With controllers for children of that cgroup, systemd could not start the service again: it puts the new process
    there, and the kernel permits none. With DelegateSubgroup= (systemd 254) it puts the process into HOME instead.
    """
    return base.endswith(".service") and own_directory() == base


def name_of(pid: int, start_time: int | None) -> str:
    """The unique name of the cgroup that this shim creates."""
    return f"{PREFIX}{pid}-{start_time}"


class Cgroup:
    """The cgroup of one attempt, created by its shim, which is in it at first.

    inside: this process is still in it, so the cgroup must not be killed.
    """

    def __init__(self, base: str, name: str) -> None:
        """Create and enter it. Raises OSError."""
        self._base = base
        self.path = f"{base}/{name}"
        os.mkdir(self.path)
        self.inside = True
        try:
            write(f"{self.path}/{_PROCS}", b"0")
        except OSError:
            os.rmdir(self.path)
            raise

    def leave(self) -> None:
        """Return to the cgroup of the daemon's processes; if that fails, the cgroup is not used any more."""
        for place in (self._base, f"{self._base}/{HOME}"):
            with contextlib.suppress(OSError):  # the first accepts no processes once controllers are enabled
                write(f"{place}/{_PROCS}", b"0")
                self.inside = False
                return

    def freeze(self, frozen: bool) -> bool:
        """Freeze or thaw its processes; False when that is impossible."""
        if self.inside:
            return False
        try:
            write(f"{self.path}/cgroup.freeze", b"1" if frozen else b"0")
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Kill all its processes at once, including those being forked."""
        if not self.inside:
            kill(self.path)


def kill(path: str) -> None:
    """Kill all processes in a cgroup and below it, if it exists."""
    with contextlib.suppress(FileNotFoundError, OSError):
        write(f"{path}/{_KILL}", b"1")


def remove(path: str) -> None:
    """Delete a cgroup and those below it, unless processes are in them."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError:
        for place, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(place)


def sweep(base: str) -> None:
    """Delete the empty cgroups of shims that were killed. A live shim may not be in its own cgroup yet."""
    for name in os.listdir(base):
        pid, dash, start_time = name.removeprefix(PREFIX).partition("-")
        is_ours = name.startswith(PREFIX) and dash and pid.isdigit()
        if is_ours and str(tree.start_time(int(pid))) != start_time:
            with contextlib.suppress(OSError):
                os.rmdir(f"{base}/{name}")


def write(path: str, value: bytes) -> None:
    """Write a value into a file of a cgroup. Raises OSError."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, value)
    finally:
        os.close(fd)
