"""Limits the output of an attempt by dropping the oldest; offsets do not change.

The agent writes into the files itself. To drop output, blocks at the front of a file are freed (punching a hole), which
changes neither its size nor any offset. The start of the remaining output needs no record: SEEK_DATA finds it.

The kernel sends one SIGIO for the first write into the attempt's directory (dnotify), and none until that is requested
again after a pause. A silent agent causes no wakeups, and a busy one wakes the shim a few times per second.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import time

from luziad.supervise import attempt_files
from luziad.supervise.regular_files import open_regular

PAUSE_S = 0.2
"""From a write to the check of the sizes; output may exceed the limit in this time."""

_MARK_BYTES = 64
"""So much of the end of a file tells whether it was truncated and has grown again."""
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class OutputLimit:
    """Limits one attempt's output. directory: the attempt's. limit: bytes of both streams together."""

    def __init__(self, directory: int, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._begins = {attempt_files.STDOUT: 0, attempt_files.STDERR: 0}
        self._ends = dict.fromkeys(self._begins, (0, b""))
        self._due: float | None = None
        self.lost_bytes = 0
        """How much of stdout was seen, and has been truncated by the job since."""

    def watch(self) -> None:
        """Check now, and after every write. Raises OSError when writes cannot be watched here."""
        fcntl.fcntl(self._directory, fcntl.F_NOTIFY, fcntl.DN_MODIFY)
        self.trim()

    def output_written(self) -> None:
        """Schedule a check after a write."""
        self._due = time.monotonic() + PAUSE_S

    def check_due(self) -> float | None:
        """Check if it is time; returns the seconds until the next check, None when none is scheduled."""
        if self._due is None:
            return None
        left_s = self._due - time.monotonic()
        if left_s > 0:
            return left_s
        self._due = None
        self.watch()
        return None

    def trim(self) -> None:
        """Drop the oldest output above the limit. Raises OSError when the file system does not support that."""
        sizes = self.look()
        kept = {name: size - self._begins[name] for name, size in sizes.items()}
        if sum(kept.values()) <= self._limit:
            return
        goal = self._limit - self._limit // 8  # some spare room, so that not every write leads to a trim
        for name, size in sizes.items():
            others = sum(kept.values()) - kept[name]
            keep = max(goal // 2, goal - others)
            if kept[name] > keep:
                self._begins[name] = self._punch(name, size - keep)

    def look(self) -> dict[str, int]:
        """The sizes of the files. One that no longer has what it had at its previous end was truncated by the job."""
        for name, (size, mark) in self._ends.items():
            try:
                fd = open_regular(name, directory=self._directory)
            except OSError:  # it does not exist yet, or the agent has replaced it by something else
                self._ends[name] = 0, b""
                continue
            try:
                if os.pread(fd, len(mark), size - len(mark)) != mark:
                    self._begins[name] = 0
                    self.lost_bytes += size if name == attempt_files.STDOUT else 0
                end = os.fstat(fd).st_size
                begin = max(0, end - _MARK_BYTES)
                self._ends[name] = end, os.pread(fd, end - begin, begin)
            finally:
                os.close(fd)
        return {name: size for name, (size, _) in self._ends.items()}

    def _punch(self, name: str, end: int) -> int:
        """Drop the output before `end`; returns where the rest begins, at a block boundary."""
        fd = open_regular(name, os.O_WRONLY, directory=self._directory)
        try:
            block = os.fstat(fd).st_blksize
            begin = -(-end // block) * block
            if _fallocate(fd, _KEEP_SIZE | _PUNCH_HOLE, 0, begin) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
            return begin
        finally:
            os.close(fd)


def is_unsupported(error: OSError) -> bool:
    """True when the file system or the kernel does not support this, so that a retry is useless."""
    return error.errno in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
