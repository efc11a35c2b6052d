"""Ends what a shim left behind that was killed itself, and so could not end its tree."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import time

from luziad.supervise import tree

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""A process that SIGKILL does not end in this time hangs in the kernel, and nobody can end it."""


def end_session(leader: int, start_time: int) -> None:
    """KILL the session of a dead shim's agent and all below it, and block until they are gone.

    leader, start_time: the agent, which was the leader of its session. A session's number is not given to
    another process as long as the session has members; that tells them from strangers.
    """
    deadline = time.monotonic() + PATIENCE_S
    while alive := _members(leader, start_time):
        if time.monotonic() > deadline:
            log.error("survivors_not_killed pids=%s", [process.pid for process in alive])
            return
        for process in alive:
            _kill(process, deadline)


def _members(leader: int, start_time: int) -> list[tree.Process]:
    everybody = [process for process in tree.processes() if process.state not in "ZX"]
    found: dict[int, tree.Process] = {}
    for process in everybody:
        if process.pid == leader and process.start_time != start_time:
            return []
        if process.session == leader and process.start_time >= start_time:
            found[process.pid] = process
    for pid in list(found):
        found |= {process.pid: process for process in tree.below(pid, everybody)}
    return list(found.values())


def _kill(process: tree.Process, deadline: float) -> None:
    """Kill one process, unless its id has gone to another one, and wait for its end."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(process.pid)
        try:
            if tree.start_time(process.pid) == process.start_time:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                poller = select.poll()
                poller.register(fd, select.POLLIN)
                poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
        finally:
            os.close(fd)
