"""Splits bytes into frames: one JSON object per line. Sans-I/O, so that both sides and the tests share it."""

from __future__ import annotations

MAX_FRAME_BYTES = 4 * 1024 * 1024


class FrameTooLargeError(ValueError):
    """The peer sent a line longer than MAX_FRAME_BYTES; the stream is unusable."""


class FrameReader:
    """Splits a stream of bytes into lines, and buffers at most one incomplete line of MAX_FRAME_BYTES."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self.pending = 0  # buffered bytes of an incomplete line

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes, and return the lines that they complete, without newlines and blank lines.

        Raises FrameTooLargeError when a line, complete or not, is longer than the limit.
        """
        if b"\n" not in data:
            self._buffer(data)
            return []
        first, *lines = data.split(b"\n")
        if self._parts:
            self._buffer(first)
            first = b"".join(self._parts)
            self._parts.clear()
            self.pending = 0
        rest = lines.pop()
        lines.insert(0, first)
        if len(data) + len(first) > self._limit and any(len(line) > self._limit for line in lines):
            raise FrameTooLargeError
        if rest:
            self._buffer(rest)
        return [line for line in lines if line and not line.isspace()]

    def _buffer(self, data: bytes) -> None:
        self.pending += len(data)
        if self.pending > self._limit:
            self._parts.clear()
            raise FrameTooLargeError
        self._parts.append(data)
