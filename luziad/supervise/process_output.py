"""Reads what a program prints, and waits for its end, up to a time; without a thread, and without polling."""

from __future__ import annotations

import os
import select
import subprocess
import time

_CHUNK_BYTES = 64 * 1024


def read_output(process: subprocess.Popen[bytes], max_bytes: int, deadline_s: float) -> bytes:
    """What it prints until it closes its stdout, at most `max_bytes`. Raises TimeoutError, OSError.

    deadline_s: a time of time.monotonic.
    """
    assert process.stdout is not None
    descriptor, out = process.stdout.fileno(), bytearray()
    while len(out) < max_bytes:
        _await_input(descriptor, deadline_s)
        chunk = os.read(descriptor, min(_CHUNK_BYTES, max_bytes - len(out)))
        if not chunk:
            break
        out += chunk
    return bytes(out)


def await_end(process: subprocess.Popen[bytes], deadline_s: float) -> int:
    """Its exit code. Raises TimeoutError, OSError."""
    descriptor = os.pidfd_open(process.pid)
    try:
        _await_input(descriptor, deadline_s)
    finally:
        os.close(descriptor)
    return process.wait()


def _await_input(descriptor: int, deadline_s: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000):
        raise TimeoutError
