"""Kills the processes of a shim that was itself killed, and so could not end its tree.

If the attempt had a cgroup, that identifies its processes and kills them at once. In any case, they are identified by
the session of the agent, and by the attempt's directory in the environment, which all descendants inherit. (Job id and
attempt number would not be unique: several daemons may run side by side.) A process that has left the session and
dropped the variable is found only if its parent is still alive.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from typing import NamedTuple

from luziad.executor import pidfd
from luziad.supervise import cgroup, tree

log = logging.getLogger(__name__)

ATTEMPT_VARIABLE = "LUZIA_ATTEMPT_DIR"
"""The variable that identifies an attempt's processes: its directory, which is unique on the machine."""

EMPTY_SCANS = 2
"""How many scans in a row must find nothing."""

KILL_TIMEOUT_S = 10.0
"""A process that survives SIGKILL for this time hangs in the kernel."""

_EXEC_RETRIES = 100
_EXEC_PAUSE_S = 0.001


class SessionLeader(NamedTuple):
    """The agent of a dead shim, which was the leader of its session.

    A session id is not reused while the session has members, which identifies them.
    """

    pid: int
    start_time: int


def kill_survivors(directory: str, leader: SessionLeader | None, group: str | None = None) -> int:
    """Kill all remaining processes of the attempt, wait for their end, and return their number.

    directory: the attempt's. leader: None when the shim died before it could write down the agent's process.
    group: the directory of the attempt's cgroup, if it had one.
    """
    ended: set[int] = set()
    if group is not None and not f"{cgroup.own_directory()}/".startswith(f"{group}/"):
        ended |= {process.pid for process in _members(directory, leader)}
        cgroup.kill(group)
    deadline = time.monotonic() + KILL_TIMEOUT_S
    empty = 0
    # Twice, because a process may fork and end while the list is read, and its child may be missed.
    while empty < EMPTY_SCANS:
        alive = _members(directory, leader)
        ended |= {process.pid for process in alive}
        empty = 0 if alive else empty + 1
        if alive and time.monotonic() > deadline:
            pids = [process.pid for process in alive]
            log.error("survivors_not_killed attempt=%s pids=%s", directory, pids)
            return len(ended)
        _kill([(process.pid, process.start_time) for process in alive], deadline)
    if group is not None:
        cgroup.remove(group)
    if ended:
        log.warning("survivors_killed attempt=%s processes=%d", directory, len(ended))
    return len(ended)


def kill_process(pid: int, start_time: int | None) -> None:
    """Kill one process, unless its pid was reused, and wait for its end."""
    _kill([(pid, start_time)], time.monotonic() + KILL_TIMEOUT_S)


def _members(directory: str, leader: SessionLeader | None) -> list[tree.Process]:
    processes = [process for process in tree.processes() if process.state not in "ZX"]
    found = _of_session(leader, processes) if leader is not None else {}
    variable = os.fsencode(f"{ATTEMPT_VARIABLE}={directory}")
    found |= {
        process.pid: process for process in processes if process.pid not in found and _has_variable(process, variable)
    }
    for pid in list(found):
        found |= {process.pid: process for process in tree.below(pid, processes)}
    # The daemon itself may have been started from inside the job.
    for pid in (os.getpid(), *(process.pid for process in tree.below(os.getpid(), processes))):
        found.pop(pid, None)
    return list(found.values())


def _of_session(leader: SessionLeader, processes: list[tree.Process]) -> dict[int, tree.Process]:
    if any(process.pid == leader.pid and process.start_time != leader.start_time for process in processes):
        return {}
    return {
        process.pid: process
        for process in processes
        if process.session == leader.pid and process.start_time >= leader.start_time
    }


def _has_variable(process: tree.Process, variable: bytes) -> bool:
    """True for a process of this user with exactly this variable."""
    try:
        if os.stat(f"/proc/{process.pid}").st_uid != os.geteuid():
            return False
        return variable in _environment(process).split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _environment(process: tree.Process) -> bytes:
    """The environment that its program was started with.

    During execve(2) a process has neither environment nor arguments for some microseconds. Only a kernel thread, which
    has no session, never has any.
    """
    for _ in range(_EXEC_RETRIES):
        with open(f"/proc/{process.pid}/environ", "rb") as file:
            found = file.read()
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            is_complete = bool(found or file.read())
        if is_complete or process.session == 0:
            return found
        time.sleep(_EXEC_PAUSE_S)
    return b""


def _kill(processes: list[tuple[int, int | None]], deadline: float) -> None:
    """Kill these processes, unless their pids were reused, and wait for their end."""
    poller = select.poll()
    waiting: set[int] = set()
    for process in processes:
        fd = pidfd.open_process(*process)
        if fd is not None:
            pidfd.send(fd, signal.SIGKILL)
            poller.register(fd, select.POLLIN)
            waiting.add(fd)
    try:
        while waiting and (left_s := deadline - time.monotonic()) > 0:
            for fd, _ in poller.poll(left_s * 1000):
                poller.unregister(fd)
                waiting.discard(fd)
                os.close(fd)
    finally:
        for fd in waiting:
            os.close(fd)
