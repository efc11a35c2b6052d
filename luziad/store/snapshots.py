"""Snapshots of the store: whole databases made by SQLite's online backup, verified before they get their name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from luziad.errors import StorageError
from luziad.store.opening import STORE_NAME, begin_file, check_jobs, copy, finish_file, open_read_only, stamp

KEPT = 3
SNAPSHOTS_NAME = "snapshots"


def take(state_dir: Path) -> Path:
    """Make a verified snapshot and drop all but the newest KEPT. Raises StorageError.

    A store whose jobs are not what was written gets none: good snapshots are not dropped for it.
    """
    directory = state_dir / SNAPSHOTS_NAME
    final = directory / f"jobs-{stamp()}.db"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"no snapshot in {directory}: {exc}") from exc
    unfinished = None
    try:
        for leftover in directory.glob(".jobs-*"):
            leftover.unlink()  # of a daemon that was killed
        unfinished = begin_file(final)
        copy(state_dir / STORE_NAME, unfinished)
        _check_jobs(unfinished)
        finish_file(unfinished, final)
        for old in newest_first(state_dir)[KEPT:]:
            old.unlink()
    except (sqlite3.Error, OSError) as exc:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        raise StorageError(f"no snapshot in {directory}: {exc}") from exc
    return final


def newest_first(state_dir: Path) -> list[Path]:
    """The snapshots there are."""
    return sorted((state_dir / SNAPSHOTS_NAME).glob("jobs-*.db"), reverse=True)


def _check_jobs(file: Path) -> None:
    database = open_read_only(file)
    try:
        check_jobs(database)
    finally:
        database.close()
