"""Creates, checks and migrates the databases of the store.

A file gets its name only when it is complete, so a database without tables is damaged, never new.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from luziad.errors import LuziadError, StorageError, StoreDamagedError, StoreTooNewError
from luziad.store import migrations
from luziad.store.batch import is_intact
from luziad.store.files import begin_file, finish_file, timestamp
from luziad.store.queries import SQL
from luziad.supervise.system_errors import describe_error

log = logging.getLogger("luziad.store")

APPLICATION_ID = 0x6C757A61
SCHEMA_VERSION = 3
WAL_KEPT_BYTES = 16 * 1024 * 1024
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def create(path: Path) -> None:
    """Create an empty store with the newest schema. Raises sqlite3.Error, OSError."""
    unfinished = begin_file(path)
    write_schema(unfinished)
    finish_file(unfinished, path)


def write_schema(file: Path) -> None:
    """Write the newest schema into an empty file. Raises sqlite3.Error."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
        database.executescript(
            f"BEGIN; {schema} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )


def check_and_migrate(database: sqlite3.Connection, path: Path) -> list[str]:
    """Check the database and migrate it to the newest schema; return notices for the operator.

    Raises sqlite3.DatabaseError, StorageError.
    """
    check_store(database)  # before any change
    configure(database)
    version = schema_version(database)
    if version == SCHEMA_VERSION:
        return []
    copy_path = _keep_old_store(path, version)
    migrations.migrate(database, version, SCHEMA_VERSION)
    notice = (
        f"the job store was migrated from schema {version} to {SCHEMA_VERSION}; the old store was kept as {copy_path}"
    )
    log.warning("store_migrated %s", notice)
    return [notice]


def configure(database: sqlite3.Connection, *, secrets: bool = False) -> None:
    """Set what a connection that writes needs: durable commits, and for secrets no trace of what was deleted."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"PRAGMA secure_delete = {'ON' if secrets else 'OFF'}")
    database.execute(f"PRAGMA temp_store = {'MEMORY' if secrets else 'DEFAULT'}")
    database.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")


def migrate_copy(database: sqlite3.Connection, path: Path) -> None:
    """Migrate a copy that is not in use, and check its jobs.

    Raises StoreTooNewError, StoreDamagedError, StorageError, sqlite3.DatabaseError.
    """
    version = schema_version(database)
    refuse_newer(version, path)
    if version < SCHEMA_VERSION:
        migrations.migrate(database, version, SCHEMA_VERSION)
    check_jobs(database)


def refuse_newer(version: int, path: Path) -> None:
    """Raise StoreTooNewError if the schema is that of a newer luzia."""
    if version > SCHEMA_VERSION:
        raise StoreTooNewError(
            f"{path} was written by a newer luzia (schema {version}; this version supports {SCHEMA_VERSION}); "
            "it was left unchanged: install that version again, or set another LUZIA_STATE_DIR"
        )


def read_schema_version(path: Path) -> int:
    """The schema version of a store, which is opened read-only. Raises sqlite3.DatabaseError."""
    with closing(open_read_only(path)) as database:
        return schema_version(database)


def schema_version(database: sqlite3.Connection) -> int:
    """The schema version of an open database."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a database read-only."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)


def check_store(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless this is a store of luziad and passes SQLite's check."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID or not schema_version(database):
        raise sqlite3.DatabaseError("not a job store of luziad")
    check_integrity(database)


def check_integrity(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless the database passes SQLite's quick check."""
    (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def check_jobs(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless the checksums of every job match."""
    for row in database.execute(SQL["load_jobs"]):
        if not is_intact(*row[1:]):
            raise sqlite3.DatabaseError(f"job {row[1]} is damaged: its checksum does not match")


def copy(source: Path, target: Path) -> None:
    """Copy a database by online backup and verify the copy."""
    with closing(open_read_only(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        check_store(writing)
        writing.execute("PRAGMA journal_mode = DELETE")  # one file, readable wherever it is copied


def _keep_old_store(path: Path, version: int) -> Path:
    """Copy the store before a migration, for a return to the older luzia."""
    kept = path.with_name(f"jobs-schema-{version}-{timestamp()}.db")
    try:
        unfinished = begin_file(kept)
        copy(path, unfinished)
        finish_file(unfinished, kept)
    except (OSError, sqlite3.Error) as exc:
        raise StorageError(
            f"{path} must be migrated, but the copy of it that is made first failed: {describe_error(exc)}"
        ) from exc
    return kept


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the error means that the database is damaged, rather than temporarily unavailable.

    Damage is SQLITE_CORRUPT, SQLITE_NOTADB, a truncated file, and SQLITE_ERROR for missing tables. An error without a
    code was raised here, or is text that is not UTF-8.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


def translate_error(damage: type[StoreDamagedError], path: Path, error: sqlite3.DatabaseError) -> LuziadError:
    """The exception to raise for a database that could not be opened or read."""
    if is_damage(error):
        return damage(f"{path}: {error}")
    return StorageError(f"{path} cannot be opened: {error}; check that its disk has space and can be written")
