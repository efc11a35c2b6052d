"""One connection to the daemon for asyncio programs, which carries lines; knows no message."""

from __future__ import annotations

import asyncio
import contextlib

from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError

from luzia_client.transport.connection import open_socket
from luzia_client.transport.endpoint import UnexpectedAnswerError, connect_error, connection_lost


class AsyncConnection:
    """One connection to the daemon, which sends and receives lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(MAX_FRAME_BYTES)
        self._lines: list[bytes] = []

    @classmethod
    async def open(cls, path: str, *, autostart: bool, resuming: bool = False) -> AsyncConnection:
        """A connection to the daemon; the arguments and errors are those of open_socket."""
        connected = await asyncio.to_thread(open_socket, path, autostart=autostart, resuming=resuming)
        try:
            return cls(*await asyncio.open_unix_connection(sock=connected))
        except OSError as exc:
            raise connect_error(path, exc) from exc

    async def push(self, line: bytes) -> None:
        """Send a line while another task receives; that task gets the error of a broken pipe."""
        self._writer.write(line)
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def send(self, line: bytes) -> None:
        """Send a line. A broken pipe is an error only when nothing is left to read."""
        self._writer.write(line)
        try:
            await self._writer.drain()
        except OSError as exc:
            await self._read()
            if not self._lines:
                raise connection_lost() from exc

    async def receive(self) -> bytes:
        """The next line, without its newline."""
        while not self._lines:
            if not await self._read():
                raise connection_lost()
        return self._lines.pop(0)

    def is_alive(self) -> bool:
        """False when the daemon has closed the connection since the last reply."""
        return not self._lines and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self, last: bytes = b"") -> None:
        """Close the connection. last: as for Connection."""
        with contextlib.suppress(RuntimeError):  # its event loop has been closed
            if last:
                self._writer.write(last)
            self._writer.close()

    async def _read(self) -> bool:
        """Read what has arrived; False at the end of the connection."""
        try:
            data = await self._reader.read(256 * 1024)
            self._lines += self._frames.feed(data)
        except OSError as exc:
            raise connection_lost() from exc
        except FrameTooLargeError as exc:
            raise UnexpectedAnswerError("the daemon's reply is longer than 4 MiB") from exc
        return data != b""
