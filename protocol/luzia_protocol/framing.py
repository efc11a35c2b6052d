"""Bytes to frames and back: one JSON object a line. Sans-I/O, so that both sides and the tests share it."""

from __future__ import annotations

MAX_FRAME_BYTES = 4 * 1024 * 1024


class FrameTooLargeError(ValueError):
    """The peer sent a line of more than MAX_FRAME_BYTES; the stream cannot be trusted any more."""


class FrameReader:
    """Cuts a stream of bytes into lines, holding at most one unfinished line of MAX_FRAME_BYTES."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take in bytes and return the lines they complete, without their newline; blank lines are left out.

        Raises FrameTooLargeError when a line, finished or not, is longer than the limit.
        """
        if b"\n" not in data:
            self._hold(data)
            return []
        first, *lines = data.split(b"\n")
        if self._parts:
            self._hold(first)
            first = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
        rest = lines.pop()
        lines.insert(0, first)
        if len(data) + len(first) > self._limit and any(len(line) > self._limit for line in lines):
            raise FrameTooLargeError
        if rest:
            self._hold(rest)
        return [line for line in lines if line and not line.isspace()]

    @property
    def pending(self) -> int:
        """Bytes held of a line that is not finished."""
        return self._held

    def _hold(self, data: bytes) -> None:
        self._held += len(data)
        if self._held > self._limit:
            self._parts.clear()
            raise FrameTooLargeError
        self._parts.append(data)
