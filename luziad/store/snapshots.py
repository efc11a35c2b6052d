"""Snapshots of the store: complete databases made by SQLite's online backup, verified before they get their name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from luziad.errors import StorageError
from luziad.store.files import STORE_NAME, begin_file, finish_file, timestamp
from luziad.store.opening import check_jobs, copy, open_read_only
from luziad.supervise.system_errors import describe_error

KEPT = 3
SNAPSHOTS_NAME = "snapshots"


def take(state_dir: Path) -> Path:
    """Take a verified snapshot and delete all but the newest KEPT. Raises StorageError.

    No snapshot is taken of a store with damaged jobs, so that good snapshots are kept.
    """
    directory = state_dir / SNAPSHOTS_NAME
    final = directory / f"jobs-{timestamp()}.db"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"no snapshot was taken in {directory}: {describe_error(exc)}") from exc
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
        raise StorageError(f"no snapshot was taken in {directory}: {describe_error(exc)}") from exc
    return final


def newest_first(state_dir: Path) -> list[Path]:
    """All snapshots, the newest first."""
    return sorted((state_dir / SNAPSHOTS_NAME).glob("jobs-*.db"), reverse=True)


def _check_jobs(file: Path) -> None:
    with closing(open_read_only(file)) as database:
        check_jobs(database)
