"""Reads the output files of attempts. These functions block: call them on the files' thread."""

from __future__ import annotations

import base64
import errno
import os
from typing import NamedTuple

_BLOCK = 64 * 1024


class Chunk(NamedTuple):
    """Bytes read from `offset`, and the size of the file then; written_at: its last change, epoch seconds.

    dropped: so many bytes at the beginning of the file are not kept any more.
    """

    offset: int
    data: bytes
    size: int
    written_at: float = 0.0
    dropped: int = 0


def read_chunk(path: str, offset: int, most: int) -> Chunk:
    """At most `most` bytes from `offset`, or from where the kept part begins; nothing when the file does not exist.

    Raises OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Chunk(offset, b"", 0)
    try:
        status = os.fstat(descriptor)
        data = os.pread(descriptor, most, offset)
        # Only after the reading is it known that nothing was dropped before it.
        while (dropped := _dropped(descriptor)) > offset:
            offset, data = dropped, os.pread(descriptor, most, dropped)
        return Chunk(offset, data, status.st_size, status.st_mtime, dropped)
    finally:
        os.close(descriptor)


def _dropped(descriptor: int) -> int:
    """How many bytes at the beginning were dropped to keep the limit: there the file has no data (see cap.py)."""
    try:
        return os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(descriptor).st_size if error.errno == errno.ENXIO else 0


def tail_offset(path: str, lines: int) -> int:
    """Where the last `lines` lines begin, or what is kept when there are not so many. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        end = os.fstat(descriptor).st_size
        if lines <= 0:
            return end
        wanted = lines
        if end and os.pread(descriptor, 1, end - 1) == b"\n":
            wanted += 1
        begin = _dropped(descriptor)
        while end > begin:
            start = max(begin, end - _BLOCK)
            block = os.pread(descriptor, end - start, start)
            where = len(block)
            while wanted and (where := block.rfind(b"\n", 0, where)) >= 0:
                wanted -= 1
            if not wanted:
                return start + where + 1
            end = start
        return begin
    finally:
        os.close(descriptor)


def encode_chunk(data: bytes, encoding: str, *, last: bool) -> tuple[str, int]:
    """The wire's text for these bytes, and how many of them it covers.

    As text, a character that is cut at the end waits for the next piece unless this is the last one.
    """
    if encoding == "base64":
        return base64.b64encode(data).decode("ascii"), len(data)
    covered = len(data) if last else len(data) - _cut_character(data)
    return data[:covered].decode("utf-8", "replace"), covered


def _cut_character(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character without finishing it; 0 when that is all there is."""
    for back in range(1, min(4, len(data))):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0
