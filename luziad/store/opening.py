"""Opens the files of the store: makes them, checks them, and takes an older one along.

A file gets its name only when it is whole, so a database without tables is a damaged one and never a new one.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

from luziad.errors import LuziadError, StorageError, StoreDamagedError, StoreTooNewError
from luziad.store import migrations
from luziad.store.batch import is_whole
from luziad.store.queries import SQL

log = logging.getLogger("luziad.store")

APPLICATION_ID = 0x6C757A61
SCHEMA_VERSION = 2
STORE_NAME = "jobs.db"
ENVIRONMENTS_NAME = "environments.db"
WAL_KEPT_BYTES = 16 * 1024 * 1024
SEQ_SUFFIX = "-seq"
SIDE_FILES = ("-wal", "-shm", "-journal", SEQ_SUFFIX)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def make(path: Path) -> None:
    """Make a new store of the newest schema, with nothing in it. Raises sqlite3.Error, OSError."""
    unfinished = begin_file(path)
    build(unfinished)
    finish_file(unfinished, path)


def build(file: Path) -> None:
    """Write the newest schema into an empty file. Raises sqlite3.Error."""
    database = sqlite3.connect(file, isolation_level=None)
    try:
        schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
        database.executescript(
            f"BEGIN; {schema} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    finally:
        database.close()


def begin_file(path: Path) -> Path:
    """An empty file, for its owner alone, that `finish_file` will give the name `path`."""
    unfinished = path.with_name(f".{path.name}.new")
    for suffix in ("", *SIDE_FILES):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    return unfinished


def finish_file(unfinished: Path, path: Path) -> None:
    """Give a whole file its name, durably."""
    sync(unfinished)
    unfinished.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a directory's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prepare(database: sqlite3.Connection, path: Path) -> list[str]:
    """Check that the database is ours and whole, and of the newest schema; the notices say when it was an older one.

    Raises sqlite3.DatabaseError, StorageError.
    """
    check(database)  # before anything is changed
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    version = schema_version(database)
    if version == SCHEMA_VERSION:
        return []
    kept = _keep(path, version)
    migrations.migrate(database, version, SCHEMA_VERSION)
    notice = f"the job store was migrated from schema {version} to {SCHEMA_VERSION}; the old one is kept as {kept}"
    log.warning("store_migrated %s", notice)
    return [notice]


def bring_up_to_date(database: sqlite3.Connection, path: Path) -> None:
    """Migrate a copy that nobody uses yet, and check its jobs.

    Raises StoreTooNewError, StoreDamagedError, StorageError, sqlite3.DatabaseError.
    """
    version = schema_version(database)
    refuse_newer(version, path)
    if version < SCHEMA_VERSION:
        migrations.migrate(database, version, SCHEMA_VERSION)
    check_jobs(database)


def refuse_newer(version: int, path: Path) -> None:
    """Raise StoreTooNewError for the schema of a newer luzia."""
    if version > SCHEMA_VERSION:
        raise StoreTooNewError(
            f"{path} was written by a newer luzia (schema {version}, this one knows {SCHEMA_VERSION}); "
            "it is left untouched: install that luzia again, or choose another LUZIA_STATE_DIR"
        )


def version_of(path: Path) -> int:
    """The schema of a store, which is not touched. Raises sqlite3.DatabaseError."""
    database = open_read_only(path)
    try:
        return schema_version(database)
    finally:
        database.close()


def schema_version(database: sqlite3.Connection) -> int:
    """The schema that the database says it has."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a database that is not to be changed."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)


def check(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless this is luziad's store and SQLite finds it whole."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID or not schema_version(database):
        raise sqlite3.DatabaseError("this is not a store of luziad's")
    check_whole(database)


def check_whole(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless SQLite finds the database whole."""
    (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def check_jobs(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless every job is what was written, by its checksums."""
    for row in database.execute(SQL["load_jobs"]):
        if not is_whole(*row[1:]):
            raise sqlite3.DatabaseError(f"job {row[1]!r} is not what was written")


def copy(source: Path, target: Path) -> None:
    """Copy a database by online backup and verify the copy."""
    reading = open_read_only(source)
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


def _keep(path: Path, version: int) -> Path:
    """Copy the store as it is, for the day somebody goes back to the older luzia."""
    kept = path.with_name(f"jobs-schema-{version}-{stamp()}.db")
    try:
        unfinished = begin_file(kept)
        copy(path, unfinished)
        finish_file(unfinished, kept)
    except (OSError, sqlite3.Error) as exc:
        raise StorageError(f"{path} has to be migrated, and no copy of it can be made first: {exc}") from exc
    return kept


def stamp() -> str:
    """The time in UTC, for names that sort by age and are not used twice."""
    now_ns = time.time_ns()
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns // 1_000_000_000)) + f"-{now_ns % 1_000_000_000:09d}"


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """True for what says that the database itself is wrong, and not that it cannot be had now.

    SQLITE_CORRUPT, SQLITE_NOTADB, a file that ends too early, and SQLITE_ERROR for tables that are not there; an error
    without a code is ours, or a text that is no UTF-8.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


def unreadable(damage: type[StoreDamagedError], path: Path, error: sqlite3.DatabaseError) -> LuziadError:
    """What to raise for a database that could not be opened or read."""
    return damage(f"{path}: {error}") if is_damage(error) else StorageError(f"{path} cannot be opened: {error}")
