"""Starts a server that outlives this process, and waits for the line in which it says that it is ready."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence


def start_server(
    argv: Sequence[str], options: Sequence[str], log: int, env: Mapping[str, str], timeout_s: float
) -> tuple[subprocess.Popen[bytes], str | None]:
    """Start a server in a session of its own, with `--ready-fd` and then the options.

    log: the file for what it prints. Returns the process and the first line that it wrote to that descriptor; the line
    is empty when it closed it without one, and None after `timeout_s` seconds. Raises OSError when it cannot be run.
    """
    reading, writing = os.pipe()
    try:
        try:
            process = subprocess.Popen(
                [*argv, "--ready-fd", str(writing), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=env,
                start_new_session=True,
                pass_fds=[writing],
            )
        finally:
            os.close(writing)
        return process, _read_line(reading, time.monotonic() + timeout_s)
    finally:
        os.close(reading)


def _read_line(reading: int, deadline: float) -> str | None:
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    data = b""
    while b"\n" not in data:
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            return None
        more = os.read(reading, 4096)
        if not more:
            return ""
        data += more
    return data.decode(errors="replace").partition("\n")[0]
