"""The socket by which `luzia web url` and `luzia web sign-out` reach the server that is running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from luzia_protocol import environment

from luzia_client.transport.endpoint import DaemonUnreachableError

MAX_LINE_BYTES = 64 * 1024
TIMEOUT_S = 10.0

Handler = Callable[[str], dict[str, str]]


def control_path() -> str:
    """The path of the socket, in the directory that only the user may enter."""
    return os.path.join(environment.runtime_dir(), "web.sock")


def not_running() -> DaemonUnreachableError:
    """What to raise when no server is running."""
    return DaemonUnreachableError("luzia web is not running", "Start it with `luzia web`.")


def ask(command: str) -> dict[str, str]:
    """Send a command to the server that is running; returns its reply. Raises DaemonUnreachableError."""
    path = control_path()
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(TIMEOUT_S)
        try:
            connected.connect(path)
            environment.check_peer(path, connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            connected.sendall(command.encode() + b"\n")
            with connected.makefile("rb") as reading:
                return msgspec.json.decode(reading.readline(MAX_LINE_BYTES), type=dict[str, str])
        except (FileNotFoundError, ConnectionRefusedError) as exc:
            raise not_running() from exc
        except (OSError, msgspec.DecodeError) as exc:
            raise DaemonUnreachableError(f"luzia web does not answer on {path}: {exc}", "Start it again.") from exc


def is_running() -> bool:
    """Whether a server is running that has the socket."""
    with socket.socket(socket.AF_UNIX) as connected, contextlib.suppress(OSError):
        connected.connect(control_path())
        return True
    return False


@contextlib.asynccontextmanager
async def listen(handle: Handler) -> AsyncIterator[None]:
    """Answer commands while the block runs. handle: makes the reply to one."""
    path = control_path()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(_answering(handle), path, limit=MAX_LINE_BYTES)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _answering(handle: Handler) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):
            line = await reader.readline()
            if line:
                writer.write(msgspec.json.encode(handle(line.decode(errors="replace").strip())) + b"\n")
                await writer.drain()
        writer.close()

    return answer
