"""Process trees in /proc: identity, descendants, signals to all of them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from typing import NamedTuple

_MAX_STOP_ROUNDS = 200
_STOP_PAUSE_S = 0.002


class Process(NamedTuple):
    """A process. Its pid is unique only together with start_time (clock ticks since boot)."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_time: int


def read(pid: int) -> Process | None:
    """Read /proc/PID/stat; None when the process has ended or is hidden from this user."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            stat = os.read(fd, 4096)
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The second field is the program's name in parentheses, which may itself hold blanks and parentheses.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return Process(pid, fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it has ended."""
    process = read(pid)
    return process.start_time if process else None


def processes() -> list[Process]:
    """Every visible process of the machine."""
    found = (read(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def below(pid: int, among: Iterable[Process]) -> list[Process]:
    """The descendants of `pid` among these processes, parents before children."""
    children: dict[int, list[Process]] = {}
    for process in among:
        children.setdefault(process.parent, []).append(process)
    found = list(children.get(pid, ()))
    for process in found:
        found += children.get(process.pid, ())
    return found


def descendants(pid: int) -> list[Process]:
    """All processes below `pid`, parents before children.

    Reads the kernel's lists of children, and the whole of /proc where the kernel keeps no such lists.
    """
    found: list[Process] = []
    waiting = [pid]
    for parent in waiting:
        children = _children(parent)
        if children is None:
            return below(pid, processes())
        waiting += children
        found += (process for process in map(read, children) if process is not None)
    return found


def _children(pid: int) -> list[int] | None:
    """The children of all threads of `pid`; None when this kernel does not list them."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
        except (ProcessLookupError, PermissionError):
            continue  # the thread has ended, or is hidden
        except FileNotFoundError:
            if not os.path.exists("/proc/thread-self/children"):
                return None
    return found


def stop_below(pid: int) -> None:
    """Stop everything below `pid`, including processes that are forked meanwhile: repeat until none is running.

    A process that waits in the kernel, as in vfork(2) for a stopped child, stops when it leaves the kernel.
    """
    signalled: set[tuple[int, int]] = set()
    for _ in range(_MAX_STOP_ROUNDS):
        found = [(each, (each.pid, each.start_time)) for each in descendants(pid)]
        running = [
            each for each, key in found if each.state not in "TtZX" and not (each.state == "D" and key in signalled)
        ]
        if not running:
            return
        for process in running:
            signalled.add((process.pid, process.start_time))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGSTOP)
        time.sleep(_STOP_PAUSE_S)


def signal_below(pid: int, number: signal.Signals) -> None:
    """Send a signal to everything below `pid`, stopped processes included.

    Whole process groups get it at once, so that none of their members can escape by forking. A group never spans two
    sessions, so one in another session than that of `pid` belongs to the tree; a child that has not left that
    session yet gets the signal alone.
    """
    own = read(pid)
    targets = {
        process.pid if own and process.session == own.session else -process.group for process in descendants(pid)
    }
    for target in targets:
        # The process has ended, or runs as another user, whose processes only root may signal.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, number)
            if number != signal.SIGKILL:
                os.kill(target, signal.SIGCONT)
