"""Snapshots of the store, and what is done when the store is damaged.

A snapshot is a whole database made by SQLite's online backup, verified before it gets its name. A damaged store
is set aside under a name of its own, never overwritten, and the newest good snapshot takes its place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

from luziad.errors import StorageError, StoreDamagedError
from luziad.store.sqlite import ENVIRONMENTS_NAME, STORE_NAME, Store, check

KEPT = 3
SNAPSHOTS_NAME = "snapshots"
SEQ_GAP = 1_000_000
"""Events after the snapshot are gone; the next seq leaves this gap, so that none is used twice."""


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
        _copy(state_dir / STORE_NAME, unfinished)
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


def open_store(state_dir: Path) -> tuple[Store, list[str], int]:
    """Open the store, mending what is damaged: (store, notices for the operator, least seq to go on from).

    Raises StoreTooNewError, StorageError.
    """
    notices: list[str] = []
    try:
        return Store(state_dir), notices, 0
    except StoreDamagedError as exc:
        aside = set_aside(state_dir)
        notices.append(f"the job store was damaged ({exc}); it was set aside as {aside}")
    for snapshot in newest_first(state_dir):
        try:
            _copy(snapshot, state_dir / STORE_NAME)
            store = Store(state_dir)
        except (sqlite3.Error, StoreDamagedError) as exc:
            notices.append(f"the snapshot {snapshot} is damaged as well ({exc})")
            set_aside(state_dir)
            continue
        notices.append(f"the snapshot {snapshot.name} was restored; newer jobs come from their directories")
        return store, notices, store.last_seq() + SEQ_GAP
    notices.append("there was no good snapshot; jobs come from their directories only")
    return Store(state_dir), notices, SEQ_GAP


def set_aside(state_dir: Path) -> Path:
    """Move the store's files into a directory of their own and return it."""
    aside = state_dir / f"damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{time.monotonic_ns()}"
    aside.mkdir(mode=0o700)
    for suffix in ("", "-wal", "-shm"):
        file = state_dir / (STORE_NAME + suffix)
        if file.exists():
            file.rename(aside / file.name)
    private = state_dir / ENVIRONMENTS_NAME
    if private.exists() and not _readable(private):
        for suffix in ("", "-wal", "-shm"):
            file = state_dir / (ENVIRONMENTS_NAME + suffix)
            if file.exists():
                shutil.move(file, aside / file.name)
    return aside


def _readable(path: Path) -> bool:
    database = sqlite3.connect(path)
    try:
        (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
        return bool(finding == "ok")
    except sqlite3.DatabaseError:
        return False
    finally:
        database.close()


def _copy(source: Path, target: Path) -> None:
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
