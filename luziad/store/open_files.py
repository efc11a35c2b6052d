"""Finds out when the files of an open database are moved, deleted or truncated while it is in use.

SQLite keeps its files open, so it would commit into a file that no longer has a name, and lose the commit at the end.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

from luziad.errors import StorageError

log = logging.getLogger("luziad.store")

_LOG_SUFFIXES = ("-wal", "-shm")
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Nothing can be at the path, or a symbolic link to itself has taken the place of the file."""


class OpenFiles:
    """The files of one open database. Only this process writes to them, so they change in its own commits alone.

    path: the database. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, tuple[int, int]] = {}
        self.remember()

    def remember(self) -> None:
        """Remember the files as they are now, after a commit. Raises OSError when the database is gone."""
        self._seen = {"": _identify(f"{self._path}")}
        for suffix in _LOG_SUFFIXES:
            try:
                self._seen[suffix] = _identify(f"{self._path}{suffix}")
            except FileNotFoundError:
                continue  # SQLite creates both with the first commit

    def check(self) -> bool:
        """Raise StorageError when a commit would be lost.

        Returns False when only the names of the write-ahead log or of its index are lost: the open files are intact,
        and a checkpoint saves their content.
        """
        self._check("", "was moved or deleted while in use; put it back, or restart luziad")
        intact = True
        for suffix in self._seen.keys() - {""}:
            intact = self._check(suffix) and intact
        return intact

    def _check(self, suffix: str, problem: str = "") -> bool:
        """Whether a file is still in its place. Raises StorageError when it was truncated, or with `problem` if not."""
        file = f"{self._path}{suffix}"
        inode, size = self._seen[suffix]
        try:
            current, current_size = _identify(file)
        except OSError as exc:
            if exc.errno not in _GONE:
                log.debug("store_not_seen error=%s", exc)  # the open file can still be written
                return True
            current = current_size = 0
        if current == inode and current_size < size:
            problem = f"{file} was truncated while in use; restart luziad, which repairs the store"
            raise StorageError(problem, "Run `luzia daemon restart`; running jobs are not affected.")
        if current != inode and problem:
            raise StorageError(f"{file} {problem}", "The daemon recovers automatically when the file is back.")
        return current == inode


def _identify(file: str) -> tuple[int, int]:
    """The file's inode and size in bytes."""
    status = os.stat(file)
    return status.st_ino, status.st_size
