"""The processor time of an attempt, from /proc. These functions block: call them on the files' thread."""

from __future__ import annotations

import os

from luziad.supervise import tree

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


BUSY = 0.05
"""The share of one processor above which processes count as busy; waiting processes use less."""


def cpu_s(agent_pid: int | None) -> float:
    """Seconds of processor time of the agent's process tree, including ended processes; 0 when it is gone.

    The root is the agent's parent, the shim: it adopts orphaned processes and counts them.
    """
    agent = None if agent_pid is None else tree.read(agent_pid)
    if agent is None:
        return 0.0
    pids = [agent.parent, *(process.pid for process in tree.descendants(agent.parent))]
    return sum(map(_ticks, pids)) / _TICKS_PER_S


def _ticks(pid: int) -> int:
    """User and system time of a process and of its children that have been waited for; proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return sum(map(int, stat[stat.rindex(b")") + 2 :].split()[11:15]))
