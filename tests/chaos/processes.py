"""The processes of a chaos run: all of them are below this one, which inherits every orphan."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

from luziad.supervise import tree

_PR_SET_CHILD_SUBREAPER = 36


def inherit_orphans() -> None:
    """Make this process the parent of whatever is orphaned below it."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(*but: int) -> None:
    """Reap dead children except those that somebody else waits for."""
    for process in _children(os.getpid()):
        if process.state == "Z" and process.pid not in but:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


def named(name: str) -> list[tree.Process]:
    """The living processes below this one that have this name."""
    return [each for each in tree.descendants(os.getpid()) if each.state != "Z" and _name(each.pid) == name]


def has_attempt(shim: tree.Process) -> bool:
    """True for a shim that has an attempt's directory open; the spare one has not."""
    try:
        files = [os.readlink(file) for file in Path(f"/proc/{shim.pid}/fd").iterdir()]
    except OSError:
        return False
    return any("/jobs/" in file for file in files)


def left(daemon: int) -> list[str]:
    """What is below this process, in words, but for the daemon, its fork server and the spare shim."""
    found = [each for each in below() if each.pid != daemon]
    servers = {each.pid for each in found if each.parent == daemon and _name(each.pid) == "luzia-forks"}
    return [
        f"{each.pid} {each.state} parent {each.parent}: {_name(each.pid)}: {_words(each.pid)}"
        for each in found
        if each.pid not in servers and (each.parent not in servers or has_attempt(each) or each.state == "Z")
    ]


def kill(process: tree.Process) -> bool:
    """Kill this very process; False when it was gone."""
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if tree.start_time(process.pid) != process.start_time:
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def end_all() -> None:
    """Kill everything below this process."""
    while found := [each for each in below() if each.state != "Z"]:
        for process in found:
            kill(process)
        reap()
    reap()


def below() -> list[tree.Process]:
    """Every process below this one."""
    return tree.descendants(os.getpid())


def _children(pid: int) -> list[tree.Process]:
    return [each for each in tree.descendants(pid) if each.parent == pid]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
