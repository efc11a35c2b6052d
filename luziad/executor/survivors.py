"""Ends what a shim left behind that was killed itself, and so could not end its tree.

Where the attempt had a cgroup, that tells its processes, and ends them at once. Everywhere, two things tell them: the
session of its agent, and the attempt's directory in the environment of the agent and of whatever it started, however
often that has forked. Job and attempt would not do: several daemons may run side by side. What has left the session
and dropped the variable as well is found by neither, unless its parent still lives.
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

MARK = "LUZIA_ATTEMPT_DIR"
"""The variable that tells an attempt's processes: its directory, which is that of no other attempt anywhere."""

SCANS = 2
"""So often in a row nothing must be found."""

PATIENCE_S = 10.0
"""A process that SIGKILL does not end in this time hangs in the kernel, and nobody can end it."""

_EXEC_LOOKS = 100
_EXEC_PAUSE_S = 0.001


class Leader(NamedTuple):
    """The agent of a dead shim, which was the leader of its session.

    A session's number is not given to another process as long as the session has members; that tells them from
    strangers.
    """

    pid: int
    start_time: int


def end_all(directory: str, leader: Leader | None, group: str | None = None) -> int:
    """KILL everything that is left of the attempt, block until it is gone, and return how many processes that were.

    directory: the attempt's. leader: None when the shim died before it could write down the agent's process.
    group: the directory of the attempt's cgroup, if it had one.
    """
    ended: set[int] = set()
    if group is not None and not f"{cgroup.own_directory()}/".startswith(f"{group}/"):
        ended |= {process.pid for process in _members(directory, leader)}
        cgroup.kill(group)
    deadline = time.monotonic() + PATIENCE_S
    empty = 0
    # Twice, because a process may fork and end while the list is read, with the child where the reader has been.
    while empty < SCANS:
        alive = _members(directory, leader)
        ended |= {process.pid for process in alive}
        empty = 0 if alive else empty + 1
        if alive and time.monotonic() > deadline:
            pids = [process.pid for process in alive]
            log.error("survivors_not_killed attempt=%s pids=%s", directory, pids)
            return len(ended)
        _kill(alive, deadline)
    if group is not None:
        cgroup.remove(group)
    if ended:
        log.warning("survivors_killed attempt=%s processes=%d", directory, len(ended))
    return len(ended)


def _members(directory: str, leader: Leader | None) -> list[tree.Process]:
    everybody = [process for process in tree.processes() if process.state not in "ZX"]
    found = _of_session(leader, everybody) if leader is not None else {}
    mark = os.fsencode(f"{MARK}={directory}")
    found |= {process.pid: process for process in everybody if process.pid not in found and _carries(process, mark)}
    for pid in list(found):
        found |= {process.pid: process for process in tree.below(pid, everybody)}
    # The daemon itself may have been started from inside the job.
    for pid in (os.getpid(), *(process.pid for process in tree.below(os.getpid(), everybody))):
        found.pop(pid, None)
    return list(found.values())


def _of_session(leader: Leader, everybody: list[tree.Process]) -> dict[int, tree.Process]:
    if any(process.pid == leader.pid and process.start_time != leader.start_time for process in everybody):
        return {}
    return {
        process.pid: process
        for process in everybody
        if process.session == leader.pid and process.start_time >= leader.start_time
    }


def _carries(process: tree.Process, mark: bytes) -> bool:
    """True for a process of this user that was given exactly this variable."""
    try:
        if os.stat(f"/proc/{process.pid}").st_uid != os.geteuid():
            return False
        return mark in _environment(process).split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _environment(process: tree.Process) -> bytes:
    """The environment that its program was started with.

    In the middle of execve(2) a process has neither environment nor arguments for some microseconds, and nothing
    tells when that is over; only a thread of the kernel, which has no session, never has any.
    """
    for _ in range(_EXEC_LOOKS):
        with open(f"/proc/{process.pid}/environ", "rb") as file:
            found = file.read()
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            is_whole = bool(found or file.read())
        if is_whole or process.session == 0:
            return found
        time.sleep(_EXEC_PAUSE_S)
    return b""


def _kill(processes: list[tree.Process], deadline: float) -> None:
    """Kill these processes, unless their ids have gone to other ones, and wait for their end."""
    poller = select.poll()
    waiting: set[int] = set()
    for process in processes:
        fd = pidfd.open_process(process.pid, process.start_time)
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
