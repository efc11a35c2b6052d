"""Splits a stream of bytes into lines, in bounded memory. Pure."""

from __future__ import annotations

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The longest line that is kept. Agents print a file that they read as one line, so 10 MB is normal."""

TOO_LONG = b"(line too long)"
"""Replaces a longer line. It is not JSON, so readers count it as a line without an event."""


class LineSplitter:
    """Splits a stream into lines without their newlines. max_line_bytes: the longest line to keep."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._partial = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Add the next bytes; return the lines that end in them."""
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines:
            lines[0] = self._finish(lines[0])
            if len(data) > self._max_line_bytes:
                lines = [line if len(line) <= self._max_line_bytes else TOO_LONG for line in lines]
        self._keep(rest)
        return lines

    def end(self) -> list[bytes]:
        """The last line, if its newline is missing."""
        return [self._finish(b"")] if self._size else []

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_line_bytes:
            self._partial.clear()
        else:
            self._partial += part

    def _finish(self, part: bytes) -> bytes:
        if not self._size and len(part) <= self._max_line_bytes:
            return part
        self._keep(part)
        line = bytes(self._partial) if self._size <= self._max_line_bytes else TOO_LONG
        self._partial.clear()
        self._size = 0
        return line
