"""Runs a command that may print without end: it is ended when it has printed more than is used.

The streams of asyncio would not do: a process that is killed while one of them is paused is never reported as ended.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

STDOUT, STDERR = 1, 2
KILL_S = 5.0
"""How long the end of a command that was killed is awaited."""


class Printed(NamedTuple):
    """What a command has printed. status: its exit status. truncated: stdout was longer, and the command was killed."""

    status: int
    stdout: bytes
    stderr: bytes
    truncated: bool


async def run(argv: Sequence[str], max_bytes: int, timeout_s: float) -> Printed:
    """Run a command without stdin. It has ended, or was killed, when this returns or raises.

    max_bytes: of each stream; of stderr, the rest is ignored. timeout_s: in seconds. Raises TimeoutError, and OSError
    if the command cannot be started.
    """
    loop = asyncio.get_running_loop()
    pipe = subprocess.PIPE
    transport, reader = await loop.subprocess_exec(
        lambda: _Reader(max_bytes), *argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        await asyncio.wait_for(asyncio.shield(reader.ended), timeout_s)
    finally:
        transport.close()  # kills it if it still runs
        await asyncio.wait([reader.ended], timeout=KILL_S)
    stdout, stderr = (bytes(reader.printed[stream]) for stream in (STDOUT, STDERR))
    return Printed(transport.get_returncode() or 0, stdout[:max_bytes], stderr, len(stdout) > max_bytes)


class _Reader(asyncio.SubprocessProtocol):
    """printed: by stream. ended: done when the process has ended and its pipes are closed."""

    def __init__(self, max_bytes: int) -> None:
        self.printed = {STDOUT: bytearray(), STDERR: bytearray()}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._max_bytes = max_bytes
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        printed = self.printed[fd]
        printed += data[: self._max_bytes + 1 - len(printed)]
        if fd == STDOUT and len(printed) > self._max_bytes and self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
