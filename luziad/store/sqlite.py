"""The store: SQLite in WAL mode with synchronous=FULL, so that what was committed survives a power cut.

Values of environment variables live in a second database, environments.db, of which no snapshot is ever taken.
It is written first: a job in the store always finds its variables.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from luziad.errors import EnvironmentsDamagedError, LuziadError, StorageError, StoreDamagedError, StoreTooNewError
from luziad.store.queries import SQL

log = logging.getLogger("luziad.store")

APPLICATION_ID = 0x6C757A61
SCHEMA_VERSION = 1
STORE_NAME = "jobs.db"
ENVIRONMENTS_NAME = "environments.db"
WAL_KEPT_BYTES = 16 * 1024 * 1024
_PROBE = f"PRAGMA user_version = {SCHEMA_VERSION}"  # writes a page without changing what it says


class Batch:
    """What one transaction changes. Rows are encoded JSON, ready for the statements of queries.sql.

    jobs: n -> (id, spec) of new ones; their fate is in `fates`, as is that of each changed job.
    probe: write a page in any case, to find out whether the store can be written again.
    events: [seq, event] rows in order. removed: n of forgotten jobs. environments: new ones by id.
    """

    def __init__(self) -> None:
        self.jobs: dict[int, tuple[str, bytes]] = {}
        self.fates: dict[int, bytes] = {}
        self.events: list[tuple[int, bytes]] = []
        self.removed: list[int] = []
        self.environments: dict[int, dict[str, str]] = {}
        self.dropped_environments: list[int] = []
        self.prune_to: int | None = None
        self.probe = False

    def rows(self) -> Iterable[tuple[str, bytes]]:
        """The statements to run, with the JSON array that each takes."""
        fates = self.fates
        if self.jobs:
            new = [b'[%d,"%b",%b,%b]' % (n, job.encode(), spec, fates[n]) for n, (job, spec) in self.jobs.items()]
            yield "insert_jobs", b"[" + b",".join(new) + b"]"
        changed = [b"[%d,%b]" % (n, fate) for n, fate in fates.items() if n not in self.jobs]
        if changed:
            yield "update_fates", b"[" + b",".join(changed) + b"]"
        if self.events:
            yield "insert_events", b"[" + b",".join(b"[%d,%b]" % row for row in self.events) + b"]"
        if self.removed:
            yield "delete_jobs", msgspec.json.encode(self.removed)


class Store:
    """Both databases, open. Use it from one thread at a time. `path` is the directory they live in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._undropped: list[int] = []
        self._jobs = _open(path / STORE_NAME)
        try:
            _prepare(self._jobs, path / STORE_NAME)
            self._private = self._open_private()
        except BaseException as exc:
            self._jobs.close()
            if isinstance(exc, sqlite3.DatabaseError):
                raise _unreadable(StoreDamagedError, path / STORE_NAME, exc) from exc
            raise

    def write(self, batch: Batch) -> None:
        """Commit a batch durably, all or nothing. Raises StorageError."""
        try:
            if batch.environments:
                with self._private:
                    self._private.execute("BEGIN IMMEDIATE")
                    for number, variables in batch.environments.items():
                        row = (number, msgspec.json.encode(variables).decode())
                        self._private.execute(SQL["insert_environment"], row)
            with self._jobs:
                self._jobs.execute("BEGIN IMMEDIATE")
                for statement, rows in batch.rows():
                    self._jobs.execute(SQL[statement], (rows.decode(),))
                if batch.probe:
                    self._jobs.execute(_PROBE)
                if batch.prune_to is not None:
                    self._jobs.execute(SQL["prune_events"], (batch.prune_to,))
        except sqlite3.Error as exc:
            raise StorageError(f"{self.path}: {exc}") from exc
        self._undropped += batch.dropped_environments
        self._drop_environments()

    def _drop_environments(self) -> None:
        """Delete variables that no job needs; the batch is committed, so a failure waits for the next one."""
        if not self._undropped:
            return
        try:
            with self._private:
                self._private.execute(SQL["delete_environments"], (msgspec.json.encode(self._undropped).decode(),))
            self._undropped.clear()
        except sqlite3.Error as exc:
            log.warning("environments_not_dropped count=%d error=%s", len(self._undropped), exc)

    def load_jobs(self) -> Iterable[tuple[int, str, str, str]]:
        """All jobs as rows (n, id, spec, fate), oldest first. Raises StoreDamagedError."""
        return self._rows(self._jobs, "load_jobs")

    def load_environments(self) -> dict[int, dict[str, str]]:
        """All environments by id. Raises StoreDamagedError."""
        rows: list[tuple[int, str]] = self._rows(self._private, "load_environments")
        try:
            return {number: msgspec.json.decode(variables, type=dict[str, str]) for number, variables in rows}
        except msgspec.DecodeError as exc:
            raise EnvironmentsDamagedError(f"{self.path / ENVIRONMENTS_NAME}: {exc}") from exc

    def last_seq(self) -> int:
        """The newest event's seq, 0 when there is none."""
        rows: list[tuple[int | None]] = self._rows(self._jobs, "last_seq")
        return rows[0][0] or 0

    def close(self) -> None:
        """Close both databases; their WAL files are folded in."""
        self._jobs.close()
        self._private.close()

    def _open_private(self) -> sqlite3.Connection:
        path = self.path / ENVIRONMENTS_NAME
        database = _open(path)
        try:
            _prepare_private(database)
        except sqlite3.DatabaseError as exc:
            database.close()
            raise _unreadable(EnvironmentsDamagedError, path, exc) from exc
        return database

    def _rows(self, database: sqlite3.Connection, statement: str) -> list[Any]:
        try:
            return database.execute(SQL[statement]).fetchall()
        except sqlite3.DatabaseError as exc:
            damage = EnvironmentsDamagedError if database is self._private else StoreDamagedError
            raise _unreadable(damage, self.path, exc) from exc


class EventReader:
    """Reads the history of events over a connection of its own, beside the writer. Use it from one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path / STORE_NAME
        self._database: sqlite3.Connection | None = None

    def first_seq(self) -> int:
        """The oldest event's seq that is kept, 0 when there is none. Raises StorageError."""
        rows: list[tuple[int | None]] = self._query("first_seq", ())
        return rows[0][0] or 0

    def after(self, seq: int, limit: int) -> list[tuple[int, str]]:
        """At most `limit` events after `seq`, as (seq, JSON). Raises StorageError."""
        return self._query("events_after", (seq, limit))

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _query(self, statement: str, arguments: tuple[int, ...]) -> list[Any]:
        try:
            if self._database is None:
                uri = f"{self._path.as_uri()}?mode=ro"
                self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
            return self._database.execute(SQL[statement], arguments).fetchall()
        except sqlite3.Error as exc:
            raise StorageError(f"{self._path}: {exc}") from exc


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """True for what says that the database itself is wrong, and not that it cannot be had now.

    SQLITE_CORRUPT, SQLITE_NOTADB, and SQLITE_ERROR for tables that are not there; an error without a code is ours.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def _unreadable(damage: type[StoreDamagedError], path: Path, error: sqlite3.DatabaseError) -> LuziadError:
    """What to raise for a database that could not be opened or read."""
    return damage(f"{path}: {error}") if is_damage(error) else StorageError(f"{path} cannot be opened: {error}")


def _open(path: Path) -> sqlite3.Connection:
    """Open a database that only its owner may read; it is made when missing."""
    path.touch(mode=0o600)
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Check that the database is ours and whole, or make it. Raises DatabaseError, StoreTooNewError."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise StoreTooNewError(
            f"{path} was written by a newer luzia (schema {version}, this one knows {SCHEMA_VERSION}); "
            "it is left untouched: install that luzia again, or choose another LUZIA_STATE_DIR"
        )
    fresh = version == 0 and not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not fresh:
        check(database)  # before anything is changed
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    if fresh:
        schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
        database.executescript(
            f"BEGIN; {schema} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )


def check(database: sqlite3.Connection) -> None:
    """Raise DatabaseError unless this is luziad's store and SQLite finds it whole."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise sqlite3.DatabaseError("this is not a store of luziad's")
    _check_whole(database)


def _check_whole(database: sqlite3.Connection) -> None:
    (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def _prepare_private(database: sqlite3.Connection) -> None:
    _check_whole(database)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA secure_delete = ON")
    database.execute("CREATE TABLE IF NOT EXISTS environments (id INTEGER PRIMARY KEY, variables TEXT NOT NULL)")
