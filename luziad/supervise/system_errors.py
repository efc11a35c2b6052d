"""Errors of the system: their words, and which of them say that the machine lacks something now.

What fails with a shortage may be tried again later.
"""

from __future__ import annotations

import errno

SHORTAGES = frozenset(
    {
        errno.ENOSPC,  # space, or inodes
        errno.EDQUOT,
        errno.EROFS,  # a file system that was mounted again after an error
        errno.EAGAIN,  # processes
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOLCK,
    }
)


def describe_error(error: BaseException) -> str:
    """What the system says, with the file that it is about, and without Python's number of the error."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if isinstance(error.filename, str) else error.strerror


def is_shortage(error: BaseException | None) -> bool:
    """Whether the error is one of these. A closed pipe, a missing file and the like are not."""
    return isinstance(error, OSError) and error.errno in SHORTAGES
