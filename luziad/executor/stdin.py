"""Talks to an agent through the FIFO that is its stdin. This blocks, but for no longer than a moment."""

from __future__ import annotations

import errno
import os
import select

from luziad.supervise import record, stdin

TAKE_S = 10.0
"""How long an agent may take to read what does not fit its stdin at once."""


def say(directory: str, line: bytes) -> None:
    """Write a whole line. directory: the attempt's. Raises OSError; nothing was written then, or the agent hangs."""
    fifo = os.open(f"{directory}/{record.STDIN}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        stdin.make_room(fifo, len(line))
        ready = select.poll()
        ready.register(fifo, select.POLLOUT)
        rest = memoryview(line)
        while rest:
            if not ready.poll(TAKE_S * 1000):
                raise OSError(errno.ETIMEDOUT, "the agent does not read its stdin")
            rest = rest[os.write(fifo, rest) :]
    finally:
        os.close(fifo)
