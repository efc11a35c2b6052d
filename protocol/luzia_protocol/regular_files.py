"""Opens and locks files of luzia that a job can replace and lock as well, and waits for no FIFO or lock forever."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

_LOCK_CHECK_S = 0.02


def open_regular(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file without ever blocking; returns its descriptor, which programs do not inherit.

    flags: those of open(2); a new file can be read by its owner only. Raises OSError, also for anything else.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.ENXIO):  # a link, or a FIFO that nobody reads
            raise _not_regular(path) from exc
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _not_regular(path)
    return fd


def open_locked(path: str, timeout_s: float) -> int:
    """A descriptor of a file, which is created if it is missing, that is locked until it is closed.

    timeout_s: how long to wait for another process that has the lock. Raises TimeoutError, and other OSErrors.
    """
    lock = open_regular(path, os.O_RDWR | os.O_CREAT)
    deadline_s = time.monotonic() + timeout_s
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    message = f"another process has kept it locked for {timeout_s:g} s"
                    raise TimeoutError(errno.ETIMEDOUT, message, path) from None
            time.sleep(_LOCK_CHECK_S)
    except BaseException:
        os.close(lock)
        raise


def read_regular(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """The first bytes of a regular file. Raises OSError."""
    with open(open_regular(path, os.O_RDONLY), "rb") as file:
        return file.read(max_bytes)


def _not_regular(path: str | os.PathLike[str]) -> OSError:
    return OSError(errno.EINVAL, "not a regular file: remove it", os.fspath(path))
