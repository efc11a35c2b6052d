"""Reads what is still whole of a damaged store. Its checksums tell which jobs are what was written."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from luziad.core.record import JobFate, JobSpec
from luziad.store.batch import is_whole
from luziad.store.opening import SIDE_FILES, STORE_NAME
from luziad.store.queries import SQL

log = logging.getLogger("luziad.recovery")


def rescue(aside: Path, target: sqlite3.Connection) -> int:
    """Put the jobs and schedules that can be read there into `target`, unless it has newer ones; returns how many jobs.

    aside: a directory with a damaged store; it is read from a copy, for reading it would change it.
    Raises sqlite3.Error and OSError when the target cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".rescue-", dir=aside.parent) as name:
        for suffix in ("", *SIDE_FILES):
            file = aside / (STORE_NAME + suffix)
            if file.exists():
                shutil.copyfile(file, Path(name) / file.name)
        damaged = sqlite3.connect(Path(name) / STORE_NAME, isolation_level=None)
        try:
            jobs = {row[0]: row for row in _jobs(damaged)}
            schedules = [row for row in _read(damaged, "load_schedules") if _is_schedule(*row)]
        finally:
            damaged.close()
    target.execute("BEGIN")
    rescued = sum(target.execute(SQL["rescue_job"], jobs[n]).rowcount for n in sorted(jobs))
    target.executemany(SQL["rescue_schedule"], schedules)
    target.execute("COMMIT")
    return rescued


def _jobs(damaged: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """The whole rows before the first damage, and those after the last one."""
    for statement in ("load_jobs", "load_jobs_backwards"):
        for row in _read(damaged, statement):
            if isinstance(row[0], int) and is_whole(*row[1:]) and _is_understood(row):
                yield row


def _is_understood(row: tuple[Any, ...]) -> bool:
    """True for a job that the daemon can load; one of a newer luzia may be whole and still strange."""
    try:
        msgspec.json.decode(row[2], type=JobSpec)
        msgspec.json.decode(row[3], type=JobFate)
    except msgspec.DecodeError as exc:
        log.warning("job_not_rescued job=%s error=%s", row[1], exc)
        return False
    return True


def _read(damaged: sqlite3.Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    """The rows until one cannot be read."""
    try:
        yield from damaged.execute(SQL[statement])
    except (sqlite3.Error, OverflowError) as exc:
        log.info("rescue_ended statement=%s error=%s", statement, exc)


def _is_schedule(name: object, schedule: object) -> bool:
    if not (isinstance(name, str) and isinstance(schedule, str)):
        return False
    try:
        msgspec.json.decode(schedule)
    except msgspec.DecodeError:
        return False
    return True
