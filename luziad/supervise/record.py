"""The files of an attempt's directory: their names, and how they are written so that no crash spoils them."""

from __future__ import annotations

import fcntl
import functools
import os
import time

PROMPT = "prompt"
STDIN = "stdin"
"""A FIFO, for an agent that is talked to while it runs."""
STDOUT = "stdout"
STDERR = "stderr"
LOCK = "lock"
STARTED = "started.json"
EXIT = "exit.json"
FENCED = "fenced"
"""An attempt whose directory holds FENCED without STARTED was given up: nobody may start it any more."""

STARTED_BYTES = 512
"""started.json is padded to this length: it is written before the agent starts, and again with its pid."""

RESERVED_BYTES = 4096
MAX_ERROR_CHARS = 300
"""An error of this length fits the reserved bytes, and a line of PIPE_BUF bytes, however it is escaped."""


@functools.cache
def boot_id() -> str:
    """Names this boot of the machine, so that process ids of an earlier one are told apart."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read().decode().strip()


def boottime_s() -> float:
    """Seconds of a clock that never jumps and goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def awake_s() -> float:
    """Seconds of a clock that never jumps and stands still while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def make_directory(path: str) -> int | None:
    """Make the attempt's directory exclusively, its job's too when needed, and return an open descriptor.

    Returns None when it is there already: whoever made it owns the attempt.
    """
    try:
        os.mkdir(path, 0o700)
    except FileNotFoundError:
        try:
            os.mkdir(path.rpartition("/")[0], 0o700)
        except FileExistsError:
            return make_directory(path)  # somebody else has made it since
        os.mkdir(path, 0o700)
    except FileExistsError:
        return None
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_directory(path: str) -> None:
    """Make the entries of a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def clip(error: str) -> str:
    """Make an error fit a record, and spell out what is no Unicode text, as a file's name may be."""
    return error.encode(errors="backslashreplace").decode()[:MAX_ERROR_CHARS]


def write_new(directory: int, name: str, content: bytes) -> None:
    """Write a file that was not there before."""
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)


def lock(directory: int) -> int | None:
    """Take the attempt's lock; return its descriptor, or None while another process holds it."""
    fd = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def exists(directory: int, name: str) -> bool:
    """True when the attempt's directory has the file with anything in it, or FENCED, which has nothing in it.

    A started.json that is still empty means that the agent was not started yet.
    """
    try:
        found = os.stat(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return found.st_size > 0 or name == FENCED


def begin(directory: int, content: bytes) -> int:
    """Write started.json durably, before the agent starts; return its descriptor for `begun`."""
    fd = os.open(STARTED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    os.pwrite(fd, content.ljust(STARTED_BYTES), 0)
    os.fsync(fd)
    os.fsync(directory)
    return fd


def begun(fd: int, content: bytes) -> None:
    """Write started.json again, now that the agent's pid is known: good for this boot, so nothing is synced."""
    os.pwrite(fd, content.ljust(STARTED_BYTES), 0)
    os.close(fd)


def reserve(directory: int, name: str, size: int) -> int:
    """Open the space in which `publish` will write a record; `size` bytes are allocated on the disk."""
    fd = os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=directory)
    if size:
        os.posix_fallocate(fd, 0, size)
    return fd


def publish(directory: int, reserved: int, name: str, content: bytes) -> None:
    """Write a record so that its name is there durably with the whole of it, or not at all."""
    os.pwrite(reserved, content, 0)
    os.ftruncate(reserved, len(content))
    os.fdatasync(reserved)
    os.close(reserved)
    os.rename(name + ".new", name, src_dir_fd=directory, dst_dir_fd=directory)
    os.fsync(directory)
