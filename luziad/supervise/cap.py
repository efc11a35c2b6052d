"""Keeps the output of an attempt within its limit: the oldest goes, and what is kept stays where it is.

The agent writes into the files itself, so nobody stands between who could drop anything. Instead the disk gets back the
blocks at the front of a file (a hole is punched), which changes neither its size nor any offset. Where the kept part
begins needs no record: it is where the file's data begin, as SEEK_DATA tells.

The kernel sends one SIGIO for the first write into the attempt's directory (dnotify), and no more until that is asked
for again, a pause later. So an agent that is silent wakes nobody, and a busy one the shim a few times a second.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import time

from luziad.supervise import record

PAUSE_S = 0.2
"""From a write to the look at the sizes; what an agent writes meanwhile may be above the limit."""

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class OutputCap:
    """The limit of one attempt's output. directory: the attempt's. limit: bytes of both streams together."""

    def __init__(self, directory: int, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._begins = {record.STDOUT: 0, record.STDERR: 0}
        self._due: float | None = None

    def begin(self) -> None:
        """Look now, and after every write from now on. Raises OSError when nothing tells of writes here."""
        fcntl.fcntl(self._directory, fcntl.F_NOTIFY, fcntl.DN_MODIFY)
        self.trim()

    def written(self) -> None:
        """Something was written."""
        self._due = time.monotonic() + PAUSE_S

    def wait_s(self) -> float | None:
        """Look if it is time; returns the seconds until it is, None until something is written."""
        if self._due is None:
            return None
        left_s = self._due - time.monotonic()
        if left_s > 0:
            return left_s
        self._due = None
        self.begin()
        return None

    def trim(self) -> None:
        """Drop the oldest output when there is too much. Raises OSError when the file system cannot do that."""
        sizes = {name: self._size(name) for name in self._begins}
        kept = {name: size - self._begins[name] for name, size in sizes.items()}
        if sum(kept.values()) <= self._limit:
            return
        goal = self._limit - self._limit // 8  # some room, so that not every write needs another look
        for name, size in sizes.items():
            others = sum(kept.values()) - kept[name]
            keep = max(goal // 2, goal - others)
            if kept[name] > keep:
                self._begins[name] = self._punch(name, size - keep)

    def _size(self, name: str) -> int:
        try:
            return os.stat(name, dir_fd=self._directory).st_size
        except FileNotFoundError:
            return 0

    def _punch(self, name: str, end: int) -> int:
        """Drop what is before `end`; returns where the kept part begins, at the beginning of a block."""
        fd = os.open(name, os.O_WRONLY, dir_fd=self._directory)
        try:
            block = os.fstat(fd).st_blksize
            begin = -(-end // block) * block
            if _fallocate(fd, _KEEP_SIZE | _PUNCH_HOLE, 0, begin) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
            return begin
        finally:
            os.close(fd)


def is_impossible(error: OSError) -> bool:
    """True when the file system or the kernel will never do it, so that trying again is in vain."""
    return error.errno in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
