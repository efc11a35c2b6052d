"""One cgroup an attempt, where a cgroup v2 may be written: what is born in it cannot hide, and dies at one word.

A shim enters a new cgroup before it knows its attempt, so that the agent is born there, and leaves it later:
moving a process costs some 10 ms of waiting on an idle machine, and a short command is over before that.
"""

from __future__ import annotations

import contextlib
import os

from luziad.supervise import tree

PREFIX = "luzia-"
HOME = "luzia-home"
"""The cgroup of the daemon's own processes once limits are handed out: then none may be in the one above."""

_PROBE = "luziad-probe"
_PROCS = "cgroup.procs"
_KILL = "cgroup.kill"


def own_directory() -> str | None:
    """The directory of this process's cgroup; None when no cgroup v2 shows it."""
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
    """The directory in which cgroups for attempts can be made; None when there is none."""
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


def name_of(pid: int, start_time: int | None) -> str:
    """The name of the cgroup that this shim makes, which no other one ever has."""
    return f"{PREFIX}{pid}-{start_time}"


class Group:
    """The cgroup of one attempt, made by its shim, which is in it at first.

    inside: this process is still in it, so that it must not be killed.
    """

    def __init__(self, base: str, name: str) -> None:
        """Make and enter it. Raises OSError when that is impossible."""
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
        """Go back where the daemon's processes are; without success the cgroup is not used any further."""
        for place in (self._base, f"{self._base}/{HOME}"):
            with contextlib.suppress(OSError):  # the first is closed to processes once limits are handed out
                write(f"{place}/{_PROCS}", b"0")
                self.inside = False
                return

    def freeze(self, frozen: bool) -> bool:
        """Let nothing in it run, or let it run on; False when that is impossible."""
        if self.inside:
            return False
        try:
            write(f"{self.path}/cgroup.freeze", b"1" if frozen else b"0")
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """KILL everything in it at once, also what is just being forked."""
        if not self.inside:
            kill(self.path)


def kill(path: str) -> None:
    """KILL everything in a cgroup and below it; nothing happens when it is gone."""
    with contextlib.suppress(FileNotFoundError, OSError):
        write(f"{path}/{_KILL}", b"1")


def remove(path: str) -> None:
    """Delete a cgroup with those that were made in it, unless it is gone or somebody lives there."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError:
        for place, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(place)


def sweep(base: str) -> None:
    """Delete the empty cgroups that are left of shims which were killed; one that lives may not be in its own yet."""
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
