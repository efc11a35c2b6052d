"""Opens files that a job can replace: never a FIFO or a device, which may block, nor a link, which leads elsewhere."""

from __future__ import annotations

import errno
import os
import stat


class UnusableFile(OSError):
    """A file is not a regular one, or is larger than it may be."""


def open_regular(path: str, flags: int = os.O_RDONLY, *, directory: int | None = None) -> int:
    """Open a regular file without ever blocking; returns its descriptor.

    directory: a descriptor of the directory that `path` is relative to. Raises UnusableFile, and other OSErrors.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=directory)
    except OSError as error:
        # A link, a directory that was to be written, a socket or a FIFO that nobody reads.
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _not_regular(path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _not_regular(path)
    return fd


def read_regular(path: str, max_bytes: int) -> bytes:
    """The content of a regular file. Raises UnusableFile, and other OSErrors."""
    fd = open_regular(path)
    try:
        content = b""
        while len(content) <= max_bytes and (more := os.read(fd, max_bytes + 1 - len(content))):
            content += more
    finally:
        os.close(fd)
    if len(content) > max_bytes:
        raise UnusableFile(errno.EFBIG, f"larger than {max_bytes} bytes", path)
    return content


def open_directory(path: str) -> int:
    """Open a directory, but no link to one; returns its descriptor. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _not_regular(path: str) -> UnusableFile:
    return UnusableFile(errno.EINVAL, "not a regular file", path)
