"""The stdin of an agent that gets input while it runs: a FIFO in the attempt's directory.

The shim keeps it open, so that the agent sees no end of file when the daemon ends. The daemon writes whole lines.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat

from luziad.supervise import attempt_files

_MAX_BYTES = 1024 * 1024
"""What a pipe may hold without any privilege (pipe(7), pipe-max-size)."""
_SPARE_BYTES = 16 * 1024
_READ_TIMEOUT_S = 10.0
"""How long an agent may take to read what does not fit the FIFO at once."""


def create(directory: int, first_line: bytes) -> int:
    """Create the FIFO with a line in it, and return the descriptor that keeps it open. Raises OSError."""
    os.mkfifo(attempt_files.STDIN, 0o600, dir_fd=directory)
    fifo = os.open(attempt_files.STDIN, os.O_RDWR | os.O_NONBLOCK, dir_fd=directory)
    _make_room(fifo, len(first_line))
    if os.write(fifo, first_line) != len(first_line):
        raise OSError(errno.EMSGSIZE, "the task is too long for an agent that may ask questions")
    return fifo


def _make_room(fifo: int, size: int) -> None:
    """Enlarge the pipe so that it holds `size` more bytes. Raises OSError."""
    needed = size + _SPARE_BYTES
    if needed <= fcntl.fcntl(fifo, fcntl.F_GETPIPE_SZ):
        return
    if needed > _MAX_BYTES:
        raise OSError(errno.EMSGSIZE, f"{size} bytes exceed the capacity of the agent's stdin")
    fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, needed)


def write_line(directory: str, line: bytes) -> None:
    """Write a whole line. This blocks, for _READ_TIMEOUT_S at most.

    directory: the attempt's. Raises OSError: then nothing was written, or the agent does not read.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    fifo = os.open(f"{directory}/{attempt_files.STDIN}", flags)
    try:
        if not stat.S_ISFIFO(os.fstat(fifo).st_mode):
            raise OSError(errno.EINVAL, "the agent has replaced its stdin")
        _make_room(fifo, len(line))
        poller = select.poll()
        poller.register(fifo, select.POLLOUT)
        rest = memoryview(line)
        while rest:
            if not poller.poll(_READ_TIMEOUT_S * 1000):
                raise OSError(errno.ETIMEDOUT, "the agent does not read its stdin")
            rest = rest[os.write(fifo, rest) :]
    finally:
        os.close(fifo)
