"""Reads what is still whole of a store that was set aside. Its checksums tell which jobs are what was written."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.record import JobFate, JobSpec
from luziad.jobs.schedule import ScheduleRecord
from luziad.store.batch import is_whole
from luziad.store.opening import SIDE_FILES, STORE_NAME
from luziad.store.queries import SQL

log = logging.getLogger("luziad.recovery")

REMOVED = "it was removed after the snapshot was taken; nobody knows any more how it ended"


def rescue(aside: Path, target: sqlite3.Connection) -> int:
    """Put the jobs and schedules that can be read there into `target`, unless it has newer ones; returns how many jobs.

    aside: a directory with a store that was set aside.
    Raises sqlite3.Error and OSError when the target cannot be written.
    """
    with _copy_of(aside) as store:
        jobs = {row[0]: row for row in _jobs(store)}
        schedules = [row for row in _read(store, "load_schedules") if _is_schedule(*row)]
    target.execute("BEGIN")
    rescued = sum(target.execute(SQL["rescue_job"], jobs[n]).rowcount for n in sorted(jobs))
    target.executemany(SQL["rescue_schedule"], schedules)
    target.execute("COMMIT")
    return rescued


def give_up_removed(restored: Path, aside: Path) -> None:
    """Make jobs `lost` that an old snapshot has as live, and the store that it replaces does not have any more.

    They were removed since, so they had ended: starting them would run them twice. A store of which nothing can be read
    tells nothing of the kind. Raises sqlite3.Error, OSError.
    """
    with _copy_of(aside) as store:
        kept = {row[0] for row in _jobs(store)}
    if not kept:
        return
    target = sqlite3.connect(restored, isolation_level=None)
    try:
        for n, _, _, text, _, _ in target.execute(SQL["load_jobs"]).fetchall():
            fate = msgspec.json.decode(text, type=JobFate)
            if n not in kept and not fate.state.is_final:
                fate.state, fate.outcome, fate.reason = JobState.LOST, Outcome.LOST, REMOVED
                fate.ended_at = time.time()
                lost = msgspec.json.encode(fate)
                target.execute(SQL["update_fates"], (f"[[{n},{lost.decode()},{crc32(lost)}]]",))
    finally:
        target.close()


@contextmanager
def _copy_of(aside: Path) -> Iterator[sqlite3.Connection]:
    """A copy of a store that was set aside, for reading the store itself would change it."""
    with tempfile.TemporaryDirectory(prefix=".rescue-", dir=aside.parent) as name:
        for suffix in ("", *SIDE_FILES):
            file = aside / (STORE_NAME + suffix)
            if file.exists():
                shutil.copyfile(file, Path(name) / file.name)
        database = sqlite3.connect(Path(name) / STORE_NAME, isolation_level=None)
        try:
            yield database
        finally:
            database.close()


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
        msgspec.json.decode(schedule, type=ScheduleRecord)
    except msgspec.DecodeError:
        return False
    return True
