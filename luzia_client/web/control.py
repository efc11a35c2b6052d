"""The socket by which `luzia web url` and `luzia web sign-out` reach the server that is running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from asyncinotify import Inotify, Mask

from luzia_protocol import environment

from luzia_client.transport.endpoint import DaemonUnreachableError

MAX_LINE_BYTES = 64 * 1024
TIMEOUT_S = 10.0
SETTLE_S = 0.1
"""Between the loss of the socket and another try to listen: deleting a directory is many steps."""
CHECK_S = 10.0
"""Between two checks when the kernel cannot report changes: all inotify instances are in use."""

_LOST = Mask.ATTRIB | Mask.DELETE_SELF | Mask.MOVE_SELF

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
            raise DaemonUnreachableError(
                f"luzia web does not answer on {path}: {getattr(exc, 'strerror', None) or exc}", "Start it again."
            ) from exc


def is_running() -> bool:
    """Whether a server is running that has the socket."""
    with socket.socket(socket.AF_UNIX) as connected, contextlib.suppress(OSError):
        connected.connect(control_path())
        return True
    return False


@contextlib.asynccontextmanager
async def listen(handle: Handler) -> AsyncIterator[None]:
    """Answer commands while the block runs. handle: makes the reply to one."""
    listening = _ControlSocket(control_path(), handle)
    await listening.open()
    keeping = asyncio.create_task(listening.keep())
    try:
        yield
    finally:
        keeping.cancel()
        listening.close()


class _ControlSocket:
    """Listens at a path, again when the socket or its directory is deleted or moved."""

    def __init__(self, path: str, handle: Handler) -> None:
        self._path = path
        self._answer = _answering(handle)
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def open(self) -> None:
        """Listen, in place of a server that has ended. Raises OSError."""
        if self._server is not None:
            self._server.close()  # first: since Python 3.13 that removes a file with the number of the old socket
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        listening = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            listening.bind(self._path)
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(before)
        self._inode = os.stat(self._path).st_ino
        self._server = await asyncio.start_unix_server(self._answer, sock=listening, limit=MAX_LINE_BYTES)

    async def keep(self) -> None:
        """Listen again whenever nobody can find the socket any more."""
        while True:
            try:
                await self._lost()
                await asyncio.sleep(SETTLE_S)
            except OSError:
                await asyncio.sleep(CHECK_S)
            if not self._is_here() and not is_running():
                with contextlib.suppress(OSError):  # until the next check
                    await self.open()

    async def _lost(self) -> None:
        """Return when the socket is not at its path. Raises OSError if that cannot be watched."""
        with Inotify() as inotify:
            for each in (self._path, os.path.dirname(self._path)):
                inotify.add_watch(each, _LOST)
            while self._is_here():
                await inotify.get()

    def _is_here(self) -> bool:
        try:
            return os.stat(self._path).st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Listen no more, and remove the socket unless another server has one there by now."""
        if self._server is not None:
            self._server.close()
        if self._is_here():
            os.unlink(self._path)


def _answering(handle: Handler) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):
            line = await reader.readline()
            if line:
                writer.write(msgspec.json.encode(handle(line.decode(errors="replace").strip())) + b"\n")
                await writer.drain()
        writer.close()

    return answer
