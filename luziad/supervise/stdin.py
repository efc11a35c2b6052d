"""The stdin of an agent that is talked to while it runs: a FIFO in the attempt's directory.

The shim keeps it open, so that neither the daemon nor the end of one ends it for the agent. Whoever answers the agent
writes whole lines into it.
"""

from __future__ import annotations

import errno
import fcntl
import os

from luziad.supervise import record

_MAX_BYTES = 1024 * 1024
"""What a pipe may hold without any privilege (pipe(7), pipe-max-size)."""
_SPARE_BYTES = 16 * 1024


def begin(directory: int, first_line: bytes) -> int:
    """Make the FIFO with a line in it, and return the descriptor that keeps it open. Raises OSError."""
    os.mkfifo(record.STDIN, 0o600, dir_fd=directory)
    fifo = os.open(record.STDIN, os.O_RDWR | os.O_NONBLOCK, dir_fd=directory)
    make_room(fifo, len(first_line))
    if os.write(fifo, first_line) != len(first_line):
        raise OSError(errno.EMSGSIZE, "the task is too long for an agent that may ask")
    return fifo


def make_room(fifo: int, size: int) -> None:
    """Let the pipe hold so many bytes more than a few that wait in it already. Raises OSError."""
    wanted = size + _SPARE_BYTES
    if wanted <= fcntl.fcntl(fifo, fcntl.F_GETPIPE_SZ):
        return
    if wanted > _MAX_BYTES:
        raise OSError(errno.EMSGSIZE, f"{size} bytes are too much for the agent's stdin")
    fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, wanted)
