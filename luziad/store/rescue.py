"""Reads the intact jobs and schedules of a store that was set aside. Checksums show which jobs are intact."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.record import JobSpec, JobStatus
from luziad.jobs.schedule import ScheduleRecord
from luziad.store.batch import is_intact
from luziad.store.files import SIDE_SUFFIXES, STORE_NAME
from luziad.store.queries import SQL

log = logging.getLogger("luziad.recovery")

MAX_SPARSE_BYTES = 16 * 1024 * 1024
"""A file system that compresses may store a file in this much less than its size."""
REMOVED = "removed after the snapshot was taken; how it ended is no longer known"


def rescue(old_store: Path, target: sqlite3.Connection) -> int:
    """Copy the jobs and schedules that can be read into `target`, unless it has newer ones; return how many jobs.

    old_store: a directory with a store that was set aside.
    Raises sqlite3.Error and OSError when the target cannot be written.
    """
    with _open_copy(old_store) as store:
        jobs = {row[0]: row for row in _intact_jobs(store)}
        schedules = [row for row in _read(store, "load_schedules") if _is_schedule(*row)]
    target.execute("BEGIN")
    rescued = sum(target.execute(SQL["rescue_job"], jobs[n]).rowcount for n in sorted(jobs))
    target.executemany(SQL["rescue_schedule"], schedules)
    target.execute("COMMIT")
    return rescued


def mark_removed_lost(restored: Path, old_store: Path) -> None:
    """Mark jobs as lost that are live in the restored snapshot, but were no longer in the store that it replaces.

    They had ended before they were removed, so starting them would run them twice. A store of which no job can be read
    shows nothing, and nothing is marked. Raises sqlite3.Error, OSError.
    """
    with _open_copy(old_store) as store:
        kept = {row[0] for row in _intact_jobs(store)}
    if not kept:
        return
    with closing(sqlite3.connect(restored, isolation_level=None)) as target:
        for n, _, _, text, _, _ in target.execute(SQL["load_jobs"]).fetchall():
            status = msgspec.json.decode(text, type=JobStatus)
            if n not in kept and not status.state.is_final:
                status.state, status.outcome, status.reason = JobState.LOST, Outcome.LOST, REMOVED
                status.ended_at = time.time()
                lost = msgspec.json.encode(status)
                target.execute(SQL["update_fates"], (f"[[{n},{lost.decode()},{crc32(lost)}]]",))


@contextmanager
def _open_copy(old_store: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a store that was set aside, since reading the store itself would change it."""
    with tempfile.TemporaryDirectory(prefix=".rescue-", dir=old_store.parent) as name:
        for suffix in ("", *SIDE_SUFFIXES):
            file = old_store / (STORE_NAME + suffix)
            if _is_whole(file):
                shutil.copyfile(file, Path(name) / file.name)
        with closing(sqlite3.connect(Path(name) / STORE_NAME, isolation_level=None)) as database:
            yield database


def _is_whole(file: Path) -> bool:
    """Whether it is a file that takes the space of its size; a copy of anything else could fill the disk."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= status.st_blocks * 512 + MAX_SPARSE_BYTES


def _intact_jobs(damaged: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """The intact rows before the first damage and after the last damage."""
    for statement in ("load_jobs", "load_jobs_backwards"):
        for row in _read(damaged, statement):
            if isinstance(row[0], int) and is_intact(*row[1:]) and _is_loadable(row):
                yield row


def _is_loadable(row: tuple[Any, ...]) -> bool:
    """Whether the daemon can load the job; an intact job of a newer luzia may be unknown to it."""
    try:
        msgspec.json.decode(row[2], type=JobSpec)
        msgspec.json.decode(row[3], type=JobStatus)
    except msgspec.DecodeError as exc:
        log.warning("job_not_rescued job=%s error=%s", row[1], exc)
        return False
    return True


def _read(damaged: sqlite3.Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    """The rows up to the first that cannot be read."""
    try:
        yield from damaged.execute(SQL[statement])
    except (sqlite3.Error, OverflowError) as exc:
        log.info("rescue_ended statement=%s error=%s", statement, exc)


def _is_schedule(name: object, schedule: object) -> bool:
    if not (isinstance(name, str) and isinstance(schedule, str)):
        return False
    try:
        msgspec.json.decode(schedule, type=ScheduleRecord)
    except msgspec.DecodeError:
        return False
    return True
