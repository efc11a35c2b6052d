"""Snapshots of the store: whole databases made by SQLite's online backup, verified before they get their name."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from luziad.errors import StorageError
from luziad.store.sqlite import STORE_NAME, check

KEPT = 3
SNAPSHOTS_NAME = "snapshots"


def take(state_dir: Path) -> Path:
    """Make a verified snapshot and drop all but the newest KEPT. Raises StorageError."""
    directory = state_dir / SNAPSHOTS_NAME
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + f"-{time.time_ns() % 1_000_000_000:09d}"
    final = directory / f"jobs-{stamp}.db"
    unfinished = directory / f".{final.name}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"no snapshot in {directory}: {exc}") from exc
    try:
        unfinished.touch(mode=0o600)
        copy(state_dir / STORE_NAME, unfinished)
        _sync(unfinished)
        unfinished.rename(final)
        _sync(directory)
        for old in newest_first(state_dir)[KEPT:]:
            old.unlink()
    except (sqlite3.Error, OSError) as exc:
        unfinished.unlink(missing_ok=True)
        raise StorageError(f"no snapshot in {directory}: {exc}") from exc
    return final


def newest_first(state_dir: Path) -> list[Path]:
    """The snapshots there are."""
    return sorted((state_dir / SNAPSHOTS_NAME).glob("jobs-*.db"), reverse=True)


def copy(source: Path, target: Path) -> None:
    """Copy a database by online backup and verify the copy."""
    reading = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
    try:
        writing = sqlite3.connect(target)
        try:
            reading.backup(writing)
            check(writing)
            writing.execute("PRAGMA journal_mode = DELETE")  # one file, readable wherever it is copied
        finally:
            writing.close()
    finally:
        reading.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
