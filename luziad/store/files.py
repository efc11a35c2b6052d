"""The names of the store's files, and how a new file gets its name: only when it is complete and durable."""

from __future__ import annotations

import os
import time
from pathlib import Path

STORE_NAME = "jobs.db"
ENVIRONMENTS_NAME = "environments.db"
SEQ_SUFFIX = "-seq"
SIDE_SUFFIXES = ("-wal", "-shm", "-journal", SEQ_SUFFIX)
"""The suffixes of the files beside a database."""


def begin_file(path: Path) -> Path:
    """Create an empty file, readable by its owner only; `finish_file` renames it to `path`."""
    unfinished = path.with_name(f".{path.name}.new")
    for suffix in ("", *SIDE_SUFFIXES):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    return unfinished


def finish_file(unfinished: Path, path: Path) -> None:
    """Sync a complete file and rename it to `path`, durably."""
    sync(unfinished)
    unfinished.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Sync a file's content or a directory's entries to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def timestamp() -> str:
    """The time in UTC to the nanosecond, for file names that sort by age."""
    now_ns = time.time_ns()
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns // 1_000_000_000)) + f"-{now_ns % 1_000_000_000:09d}"
