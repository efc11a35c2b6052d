"""References to processes that stay valid when a pid is reused."""

from __future__ import annotations

import contextlib
import os
import signal

from luziad.supervise import tree


def open_process(pid: int, start_time: int | None) -> int | None:
    """A descriptor that becomes readable when the process ends; None when it has already ended.

    start_time: the process's, in clock ticks since boot. Raises OSError when out of descriptors.
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
    """Send a signal to the process, unless it has ended."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(fd, number)
