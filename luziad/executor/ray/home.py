"""What the daemon's host has of an attempt that runs on a node: its directory, with a record and the output so far.

The functions block. The daemon makes the directory, and the bridge writes to it; both end with the daemon's lock of its
directories, so that there is one writer.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence

import msgspec

from luzia_protocol.jobs import Usage

from luziad.executor.ray.code import State
from luziad.executor.ray.guard import FENCE_GRACE_S
from luziad.jobs.attempt import AttemptEnd, ExitRecord
from luziad.supervise import attempt_files
from luziad.supervise.output_limit import OutputLimit
from luziad.supervise.regular_files import open_directory
from luziad.supervise.system_errors import is_shortage

RECORD = "remote.json"
BUNDLE = "work.bundle"
"""The work of the attempt, until it is in its worktree."""

_FULL_DISK_BYTES = 64 << 20
"""With less room than this, it is the disk when git fails: not every message of git says so."""

MARGIN_S = 3.0
"""For what is between a lease and the end of the last process, besides the grace time."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of an attempt on a cluster.

    max_log_bytes: how much output is kept. tree: the job's worktree here. ordered: a node may have been told to run it.
    sent: the state of the worktree then. applying: its work is being brought into that. end: how it has ended.
    runs_until: it is lost, and may still be running until then, in epoch seconds; then its lease has ended.
    """

    max_log_bytes: int = 1 << 50
    tree: str | None = None
    ordered: bool = False
    sent: State | None = None
    applying: bool = False
    end: AttemptEnd | None = None
    runs_until: float | None = None


def longest_run_s(lease_s: float) -> float:
    """How long an attempt can run after its actor was seen to have ended."""
    return lease_s + FENCE_GRACE_S + MARGIN_S


def create(directory: str, prompt: str, record: Record, streams: Sequence[str]) -> None:
    """Make the attempt's directory, before the bridge hears of it. Raises OSError.

    streams: the files of its output, which are watched before anything is in them.
    """
    os.makedirs(os.path.dirname(directory), 0o700, exist_ok=True)
    os.mkdir(directory, 0o700)
    fd = open_directory(directory)
    try:
        attempt_files.write_new(fd, attempt_files.PROMPT, os.fsencode(prompt))
        for stream in streams:
            attempt_files.write_new(fd, stream, b"")
    finally:
        os.close(fd)
    write_record(directory, record)
    attempt_files.sync_directory(os.path.dirname(directory))


def read_record(directory: str) -> Record | None:
    """The record; None when the attempt was never submitted. Raises OSError, and ValueError when it is damaged."""
    try:
        with open(os.path.join(directory, RECORD), "rb") as file:
            return msgspec.json.decode(file.read(), type=Record)
    except FileNotFoundError:
        return None


def write_record(directory: str, record: Record) -> None:
    """Replace the record durably. Raises OSError."""
    fd = open_directory(directory)
    try:
        new = attempt_files.reserve_record(fd, RECORD, 0)
        attempt_files.publish_record(fd, new, RECORD, msgspec.json.encode(record))
    finally:
        os.close(fd)


def write_file(directory: str, name: str, content: bytes) -> None:
    """Write a small file beside the output. Raises OSError."""
    with open(os.path.join(directory, os.path.basename(name)), "wb") as file:
        file.write(content)


def failed_start(error: str, *, stopped: bool = False) -> ExitRecord:
    """The end of an attempt whose agent was not started. stopped: because it was cancelled."""
    now = time.time()
    return ExitRecord(None, None, attempt_files.clip(error), stopped, now, now, 0.0, Usage())


def lacks_room(path: str, error: BaseException) -> bool:
    """Whether an error of a worktree is due to a full disk, so that the same may succeed later."""
    if is_shortage(error) or os.strerror(errno.ENOSPC) in str(error):
        return True
    if not os.path.isdir(path):
        return False
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize < _FULL_DISK_BYTES


class Output:
    """The output of an attempt as far as it has been fetched. limit_bytes: how much of it is kept."""

    def __init__(self, directory: str, limit_bytes: int) -> None:
        self._directory = open_directory(directory)
        self._limit = OutputLimit(self._directory, limit_bytes)
        self.sizes = {name: self._size(name) for name in (attempt_files.STDOUT, attempt_files.STDERR)}

    def append(self, stream: str, content: bytes) -> None:
        """Add to a stream, and drop the oldest above the limit. Raises OSError."""
        fd = os.open(stream, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600, dir_fd=self._directory)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        self.sizes[stream] += len(content)
        self._limit.trim()

    def close(self) -> None:
        """Make it durable."""
        for stream, size in self.sizes.items():
            if size:
                fd = os.open(stream, os.O_RDONLY, dir_fd=self._directory)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        os.close(self._directory)

    def _size(self, stream: str) -> int:
        try:
            return os.stat(stream, dir_fd=self._directory).st_size
        except FileNotFoundError:
            return 0
