"""Holding on to a process so that its number going to another process does no harm."""

from __future__ import annotations

import contextlib
import os
import signal

from luziad.supervise import tree


def open_process(pid: int, start_time: int | None) -> int | None:
    """Return a descriptor that gets readable when the process ends; None when it is gone already.

    start_time: the process's, in clock ticks since boot. Raises OSError when no descriptor can be had.
    """
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if tree.start_time(pid) != start_time:
        os.close(fd)
        return None
    return fd


def send(fd: int, number: signal.Signals) -> None:
    """Send a signal to the process; nothing happens when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(fd, number)
