"""Reach the daemon over its socket, for asyncio programs; knows no message."""

from __future__ import annotations

import asyncio
import contextlib

from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError

from luzia_client.transport.connection import UnexpectedAnswerError, lost, reach


class AsyncConnection:
    """One connection to the daemon, which sends and receives lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(MAX_FRAME_BYTES)
        self._lines: list[bytes] = []

    @classmethod
    async def open(cls, path: str, *, autostart: bool, resuming: bool = False) -> AsyncConnection:
        """A connection to the daemon; the arguments and errors are those of connection.reach."""
        connected = await asyncio.to_thread(reach, path, autostart=autostart, resuming=resuming)
        return cls(*await asyncio.open_unix_connection(sock=connected))

    async def push(self, line: bytes) -> None:
        """Send a line while somebody else receives, who is the one to hear of a broken pipe."""
        self._writer.write(line)
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def send(self, line: bytes) -> None:
        """Send a line; a broken pipe is told by the `receive` that finds nothing more to read."""
        self._writer.write(line)
        try:
            await self._writer.drain()
        except OSError as exc:
            await self._read()
            if not self._lines:
                raise lost() from exc

    async def receive(self) -> bytes:
        """The next line, without its newline."""
        while not self._lines:
            if not await self._read():
                raise lost()
        return self._lines.pop(0)

    def is_alive(self) -> bool:
        """False when the daemon has closed the connection since the last answer."""
        return not self._lines and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(256 * 1024)
            self._lines += self._frames.feed(data)
        except OSError as exc:
            raise lost() from exc
        except FrameTooLargeError as exc:
            raise UnexpectedAnswerError("the daemon's answer is longer than 4 MiB") from exc
        return data != b""
