"""Lets luzia and the user's own work go first: an agent has a lower priority than the daemon and its shims.

What counts depends on the machine. In a cgroup it is the cgroup's weight; where the kernel groups processes by session
(sched_autogroup, see sched(7)) it is that of the agent's session; otherwise it is the nice value of each process.
"""

from __future__ import annotations

import contextlib
import os

from luziad.supervise import cgroup


def lower(agent: int, nice: int, group: cgroup.Cgroup | None) -> None:
    """Lower the priority of an agent that has just started, in a session of its own, and of what it has started.

    nice: 1 to 19. group: the cgroup of the attempt. What the kernel does not have or does not permit is left out: the
    agent runs all the same.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, agent, nice)
    with contextlib.suppress(OSError):
        cgroup.write(f"/proc/{agent}/autogroup", str(nice).encode())
    if group is not None:
        with contextlib.suppress(OSError):
            cgroup.write(f"{group.path}/cpu.weight.nice", str(nice).encode())
