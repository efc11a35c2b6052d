"""A lock that says that one process, and no other, does something."""

from __future__ import annotations

import fcntl
import os


def lock_file(path: str) -> int | None:
    """Lock a file, which is created if it is missing, until the descriptor is closed; None if another process has it.

    Raises OSError.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock
