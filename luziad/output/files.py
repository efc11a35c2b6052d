"""Reads the output files of attempts. These functions block: call them on a thread."""

from __future__ import annotations

import base64
import errno
import os
from typing import NamedTuple

from luziad.supervise.regular_files import open_regular

_BLOCK = 64 * 1024
_MARK_BYTES = 64
"""The number of bytes before an offset that tell whether a truncated file has grown beyond the offset again."""
_HOLE_BYTES = 1024 * 1024
"""A longer hole in the output is skipped: a job has enlarged its file, which may then have any size."""


class Chunk(NamedTuple):
    """Bytes read from `offset`, with the size of the file. written_at: its last change, epoch seconds.

    dropped: bytes at the beginning of the file that were dropped because of its limit.
    lost: bytes that are gone because the job has truncated the file, when that is found; read it from `offset`.
    mark: the last bytes of the chunk and before it, which the next `read_chunk` needs to find that out.
    """

    offset: int
    data: bytes
    size: int
    written_at: float = 0.0
    dropped: int = 0
    lost: int = 0

    mark: bytes = b""


def read_chunk(path: str, offset: int, max_bytes: int, before: bytes = b"") -> Chunk:
    """At most `max_bytes` from `offset` or the first stored byte after it; empty when the file does not exist.

    before: what the file had before `offset`. If it has something else there, or has become shorter, the job has
    truncated it, for example with `> /dev/stderr`.
    Raises UnusableFile when the job has replaced it, and other OSErrors.
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return Chunk(offset, b"", 0)
    try:
        start, status = offset, os.fstat(descriptor)
        if _was_truncated(descriptor, status.st_size, offset, before):
            return Chunk(0, b"", status.st_size, status.st_mtime, 0, offset)
        data = os.pread(descriptor, max_bytes, offset)
        # Output may be dropped while it is read, so check afterwards.
        while (dropped := _dropped(descriptor)) > offset:
            offset, data = dropped, os.pread(descriptor, max_bytes, dropped)
        if (begin := _next_data(descriptor, offset)) - offset > _HOLE_BYTES:
            offset, data = begin, os.pread(descriptor, max_bytes, begin)
        mark = ((before if offset == start else b"") + data)[-_MARK_BYTES:]
        return Chunk(offset, data, status.st_size, status.st_mtime, dropped, mark=mark)
    finally:
        os.close(descriptor)


def _was_truncated(descriptor: int, size: int, offset: int, before: bytes) -> bool:
    if size < offset:
        return True
    begin = offset - len(before)
    return os.pread(descriptor, len(before), begin) != before and _dropped(descriptor) <= begin


def _dropped(descriptor: int) -> int:
    """How many bytes at the beginning were dropped: the file has a hole there (see output_limit.py)."""
    return _next_data(descriptor, 0)


def _next_data(descriptor: int, offset: int) -> int:
    """The offset of the first stored byte from `offset` on; the end of the file when there is none."""
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError as error:
        return max(offset, os.fstat(descriptor).st_size) if error.errno == errno.ENXIO else offset


def tail_offset(path: str, lines: int) -> int:
    """The offset of the last `lines` lines, or of the first stored byte. Raises OSError, as `read_chunk` does."""
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return 0
    try:
        end = os.fstat(descriptor).st_size
        if lines <= 0:
            return end
        remaining = lines
        if end and os.pread(descriptor, 1, end - 1) == b"\n":
            remaining += 1
        begin = _dropped(descriptor)
        while end > begin:
            start = max(begin, end - _BLOCK)
            if _next_data(descriptor, start) >= end:
                return end  # a hole
            block = os.pread(descriptor, end - start, start)
            where = len(block)
            while remaining and (where := block.rfind(b"\n", 0, where)) >= 0:
                remaining -= 1
            if not remaining:
                return start + where + 1
            end = start
        return begin
    finally:
        os.close(descriptor)


def encode_chunk(data: bytes, encoding: str, *, last: bool) -> tuple[str, int]:
    """The text of these bytes on the wire, and how many of them it covers.

    As text, an incomplete character at the end is left for the next chunk, unless this is the last one.
    """
    if encoding == "base64":
        return base64.b64encode(data).decode("ascii"), len(data)
    covered = len(data) if last else len(data) - _incomplete_character(data)
    return data[:covered].decode("utf-8", "replace"), covered


def _incomplete_character(data: bytes) -> int:
    """How many bytes at the end are an incomplete UTF-8 character; 0 when there is nothing before them."""
    for back in range(1, min(4, len(data))):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0
