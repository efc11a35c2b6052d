"""Reads what a program prints, and waits for its end, up to a time; without a thread, with a look from time to time."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable

_CHUNK_BYTES = 64 * 1024


CHECK_S = 10.0


def read_output(
    process: subprocess.Popen[bytes], max_bytes: int, deadline_s: float, check: Callable[[], None] | None = None
) -> bytes:
    """What it prints until it closes its stdout, at most `max_bytes`. Raises TimeoutError, OSError.

    deadline_s: a time of time.monotonic. check: is called every CHECK_S while nothing comes; it may raise.
    """
    assert process.stdout is not None
    descriptor, out = process.stdout.fileno(), bytearray()
    while len(out) < max_bytes:
        _await_input(descriptor, deadline_s, check)
        chunk = os.read(descriptor, min(_CHUNK_BYTES, max_bytes - len(out)))
        if not chunk:
            break
        out += chunk
    return bytes(out)


def await_end(process: subprocess.Popen[bytes], deadline_s: float, check: Callable[[], None] | None = None) -> int:
    """Its exit code. Arguments and errors are those of read_output."""
    descriptor = os.pidfd_open(process.pid)
    try:
        _await_input(descriptor, deadline_s, check)
    finally:
        os.close(descriptor)
    return process.wait()


def _await_input(descriptor: int, deadline_s: float, check: Callable[[], None] | None) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not poll.poll(min(max(0.0, deadline_s - time.monotonic()), CHECK_S) * 1000):
        if time.monotonic() >= deadline_s:
            raise TimeoutError
        if check is not None:
            check()
