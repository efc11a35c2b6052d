"""A lock that says that one process, and no other, does something."""

from __future__ import annotations

import fcntl
import os

from luzia_protocol.regular_files import open_regular


def lock_file(path: str) -> int | None:
    """Lock a file, which is created if it is missing, until the descriptor is closed; None if another process has it.

    Raises OSError.
    """
    lock = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock
