"""Which errors say that the machine lacks something now: what fails with one may be tried again later."""

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


def is_shortage(error: BaseException | None) -> bool:
    """Whether the error is one of these. A closed pipe, a missing file and the like are not."""
    return isinstance(error, OSError) and error.errno in SHORTAGES
