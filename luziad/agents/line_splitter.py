"""Cuts a stream of bytes into lines, however the bytes arrive; sans I/O, with bounded memory."""

from __future__ import annotations

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The longest line that is kept. Agents print a file that they read as one line, so that 10 MB is no error."""

TOO_LONG = b"(a line that was too long)"
"""Stands in the place of a longer line. It is no JSON, so that readers count it as a line without an event."""


class LineSplitter:
    """Gives the lines of a stream without their newlines. most: the longest line to keep, in bytes."""

    def __init__(self, most: int = MAX_LINE_BYTES) -> None:
        self._most = most
        self._held = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take in the next bytes; return the lines that ended in them."""
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines:
            lines[0] = self._finish(lines[0])
            if len(data) > self._most:
                lines = [line if len(line) <= self._most else TOO_LONG for line in lines]
        self._hold(rest)
        return lines

    def end(self) -> list[bytes]:
        """The last line, when its newline is missing."""
        return [self._finish(b"")] if self._size else []

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._most:
            self._held.clear()
        else:
            self._held += part

    def _finish(self, part: bytes) -> bytes:
        if not self._size and len(part) <= self._most:
            return part
        self._hold(part)
        line = bytes(self._held) if self._size <= self._most else TOO_LONG
        self._held.clear()
        self._size = 0
        return line
