"""The files in an attempt's directory: their names, and how they are written crash-safely."""

from __future__ import annotations

import fcntl
import os
import stat

from luziad.supervise.regular_files import open_directory, open_regular

PROMPT = "prompt"
STDIN = "stdin"
"""A FIFO, for an agent that gets input while it runs."""
STDOUT = "stdout"
STDERR = "stderr"
LOCK = "lock"
STARTED = "started.json"
EXIT = "exit.json"
FENCED = "fenced"
"""An attempt whose directory has FENCED without STARTED was abandoned: it must not be started any more."""

STARTED_BYTES = 512
"""started.json is padded to this length: it is written before the agent starts, and rewritten with its pid."""

RESERVED_BYTES = 4096
MAX_ERROR_CHARS = 300
"""An error of this length fits the reserved bytes, and a line of PIPE_BUF bytes, even if escaped."""


def make_directory(path: str) -> int | None:
    """Create the attempt's directory exclusively, with its job's if needed, and return an open descriptor.

    Returns None when it already exists: the process that created it owns the attempt.
    """
    try:
        os.mkdir(path, 0o700)
    except FileNotFoundError:
        try:
            os.mkdir(path.rpartition("/")[0], 0o700)
        except FileExistsError:
            return make_directory(path)  # another process has created it meanwhile
        os.mkdir(path, 0o700)
    except FileExistsError:
        return None
    return open_directory(path)


def sync_directory(path: str) -> None:
    """Make the entries of a directory durable."""
    fd = open_directory(path)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def clip(error: str) -> str:
    """Shorten an error to fit a record, and escape what is not Unicode, such as a file name."""
    return error.encode(errors="backslashreplace").decode()[:MAX_ERROR_CHARS]


def write_new(directory: int, name: str, content: bytes) -> None:
    """Write a new file."""
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)


def lock(directory: int) -> int | None:
    """Take the attempt's lock; return its descriptor, or None while another process holds it.

    Raises UnusableFile when the job has replaced it, and other OSErrors.
    """
    fd = open_regular(LOCK, os.O_RDWR | os.O_CREAT, directory=directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def exists(directory: int, name: str) -> bool:
    """True when the attempt's directory has the file and it is not empty; FENCED is always empty.

    An empty started.json means that the agent was not started yet. What is no regular file has replaced one.
    """
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return found.st_size > 0 or name == FENCED or not stat.S_ISREG(found.st_mode)


def write_start(directory: int, content: bytes) -> int:
    """Write started.json durably, before the agent starts; return its descriptor for `update_start`."""
    fd = os.open(STARTED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    os.pwrite(fd, content.ljust(STARTED_BYTES), 0)
    os.fsync(fd)
    os.fsync(directory)
    return fd


def update_start(fd: int, content: bytes) -> None:
    """Rewrite started.json with the agent's pid, which is valid in this boot only, so nothing is synced."""
    os.pwrite(fd, content.ljust(STARTED_BYTES), 0)
    os.close(fd)


def reserve_record(directory: int, name: str, size: int) -> int:
    """Allocate `size` bytes on the disk in which `publish_record` will write a record; return its descriptor."""
    fd = os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=directory)
    if size:
        os.posix_fallocate(fd, 0, size)
    return fd


def publish_record(directory: int, reserved: int, name: str, content: bytes) -> None:
    """Write a record atomically under its name, and make both durable.

    Renamed first, they need the journal of the file system once. While this process holds the lock, nobody takes the
    record for one.
    """
    os.pwrite(reserved, content, 0)
    os.ftruncate(reserved, len(content))
    os.rename(name + ".new", name, src_dir_fd=directory, dst_dir_fd=directory)
    os.fdatasync(reserved)
    os.close(reserved)
    os.fsync(directory)
