"""The store: SQLite in WAL mode with synchronous=FULL, so that a commit survives a power failure.

The values of environment variables are in a second database, environments.db, which is in no snapshot.
It is written first, so that a job in the store always finds its variables.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from luziad.errors import EnvironmentsDamagedError, StorageError, StoreDamagedError
from luziad.store import opening
from luziad.store.batch import Batch, is_intact
from luziad.store.files import ENVIRONMENTS_NAME, SEQ_SUFFIX, STORE_NAME
from luziad.store.open_files import OpenFiles
from luziad.store.pruning import EventPruner
from luziad.store.queries import SQL
from luziad.supervise.regular_files import open_regular
from luziad.supervise.system_errors import describe_error

log = logging.getLogger("luziad.store")

_PROBE = f"PRAGMA user_version = {opening.SCHEMA_VERSION}"  # writes a page without changing the value


_CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
_BUSY_S = 5.0
_MAX_COMPACTED_PAGES = 4096
_SEQ_DIGITS = 20


class Store:
    """Both databases, open. Use it from one thread at a time.

    path: their directory; a store that does not exist is created. notices: messages for the operator.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._undeleted: list[int] = []
        self._deleted = 0  # since the file of variables was rewritten
        self._has_traces = True  # a file may have values that were deleted, also before a crash
        self._pruner = EventPruner()
        file = path / STORE_NAME
        try:
            if not file.exists():
                opening.create(file)
            opening.refuse_newer(opening.read_schema_version(file), file)
            self._jobs = _open(file)
        except sqlite3.DatabaseError as exc:
            raise opening.translate_error(StoreDamagedError, file, exc) from exc
        self._last_commit = LastCommit(path)
        try:
            self.notices = opening.check_and_migrate(self._jobs, file)
            self._check_reaches(self._last_commit.read())
            self._private = self._open_private()
            self._files_of_jobs = OpenFiles(file)
            self._files_of_private = OpenFiles(path / ENVIRONMENTS_NAME)
        except BaseException as exc:
            self._jobs.close()
            self._last_commit.close()
            if isinstance(exc, sqlite3.DatabaseError):
                raise opening.translate_error(StoreDamagedError, file, exc) from exc
            raise

    def write(self, batch: Batch) -> None:
        """Commit a batch durably, all or nothing. Raises StorageError."""
        try:
            self._check_files()
            if batch.environments:
                with self._private:
                    self._private.execute("BEGIN IMMEDIATE")
                    for number, variables in batch.environments.items():
                        row = (number, msgspec.json.encode(variables).decode())
                        self._private.execute(SQL["insert_environment"], row)
            with self._jobs:
                self._jobs.execute("BEGIN IMMEDIATE")
                for statement, rows in batch.statements():
                    self._jobs.execute(SQL[statement], (rows.decode(),))
                if batch.probe:
                    self._jobs.execute(_PROBE)
                self._pruner.written(self._jobs, len(batch.events), len(batch.progress))
        except (sqlite3.Error, OSError) as exc:
            raise StorageError(f"{self.path}: {describe_error(exc)}") from exc
        except MemoryError as exc:
            raise StorageError(f"{self.path}: there is not enough memory to write it") from exc
        if batch.events or batch.progress:
            self._last_commit.write(batch.last_seq)
        self._undeleted += batch.dropped_environments
        self._delete_environments()
        self._remember_files()

    def _delete_environments(self) -> None:
        """Delete variables that no job uses. The batch is committed, so a failure is retried with the next one."""
        if not self._undeleted and not self._has_traces:
            return
        try:
            if self._undeleted:
                self._private.execute(SQL["delete_environments"], (msgspec.json.encode(self._undeleted).decode(),))
                self._deleted += len(self._undeleted)
                self._undeleted.clear()
                self._has_traces = True
            self._remove_traces()
        except sqlite3.Error as exc:
            log.warning("environments_not_deleted count=%d error=%s", len(self._undeleted), exc)

    def _remove_traces(self) -> None:
        """Overwrite what the files still have of deleted values.

        The write-ahead log has them; it is not cleared while another process reads the database. Rows that were moved
        within the file may have left copies; it is rewritten when that costs a page for each deletion and is quick.
        """
        pages = _pragma(self._private, "page_count") - _pragma(self._private, "freelist_count")
        if self._deleted >= pages <= _MAX_COMPACTED_PAGES:
            self._private.execute("VACUUM")
            self._deleted = 0
        self._private.execute("PRAGMA busy_timeout = 0")  # do not let commits wait for a reader
        try:
            busy, _, _ = self._private.execute(_CHECKPOINT).fetchone()
        finally:
            self._private.execute(f"PRAGMA busy_timeout = {_BUSY_S * 1000:.0f}")
        self._has_traces = bool(busy)

    def load_jobs(self) -> Iterator[tuple[int, str, str, str]]:
        """All jobs as rows (n, id, spec, fate), oldest first, read one by one. Raises StoreDamagedError."""
        for row in self._iterate(self._jobs, "load_jobs"):
            if not is_intact(*row[1:]):
                raise StoreDamagedError(
                    f"{self.path / STORE_NAME}: job {row[1]} is damaged: its checksum does not match"
                )
            yield row[:4]

    def load_environments(self) -> Iterator[tuple[int, dict[str, str]]]:
        """All environments with their ids, read one by one. Raises StoreDamagedError."""
        try:
            for number, variables in self._iterate(self._private, "load_environments"):
                yield number, msgspec.json.decode(variables, type=dict[str, str])
        except (msgspec.DecodeError, TypeError) as exc:
            raise EnvironmentsDamagedError(f"{self.path / ENVIRONMENTS_NAME}: {exc}") from exc

    def load_schedules(self) -> dict[str, str]:
        """All schedules by name, as JSON. Raises StoreDamagedError."""
        return dict(self._rows(self._jobs, "load_schedules"))

    def last_seq(self) -> int:
        """The seq of the newest event, 0 when there is none."""
        rows: list[tuple[int | None]] = self._rows(self._jobs, "last_seq")
        return rows[0][0] or 0

    def last_seq_of_jobs(self) -> int:
        """The newest seq in the status of a job, 0 when there is none."""
        rows: list[tuple[int | None]] = self._rows(self._jobs, "last_seq_of_jobs")
        return rows[0][0] or 0

    def lose_events(self, seq: int) -> None:
        """Note that what has happened up to this seq may be missing. Raises StorageError."""
        try:
            self._jobs.execute(SQL["lose_events"], (seq,))
        except sqlite3.Error as exc:
            raise StorageError(f"{self.path}: {exc}") from exc
        self._remember_files()

    def close(self) -> None:
        """Close both databases, which merges their WAL files."""
        self._jobs.close()
        self._private.close()
        self._last_commit.close()

    def _check_files(self) -> None:
        """Raise StorageError when a commit would be lost; open a database again that has lost its log's name."""
        if not self._files_of_jobs.check():
            self._jobs = _reopen(self._jobs, self.path / STORE_NAME)
            self._files_of_jobs.remember()
        if not self._files_of_private.check():
            self._private = _reopen(self._private, self.path / ENVIRONMENTS_NAME)
            self._files_of_private.remember()

    def _remember_files(self) -> None:
        try:
            self._files_of_jobs.remember()
            self._files_of_private.remember()
        except OSError as exc:
            log.debug("store_not_seen error=%s", exc)  # the next commit checks the files of the last one

    def _check_reaches(self, seq: int) -> None:
        (last,) = self._jobs.execute(SQL["last_seq"]).fetchone()
        if (last or 0) < seq:
            raise StoreDamagedError(
                f"{self.path / STORE_NAME} ends at event {last or 0}, but event {seq} was committed"
            )

    def _open_private(self) -> sqlite3.Connection:
        path = self.path / ENVIRONMENTS_NAME
        path.touch(mode=0o600)
        try:
            database = _open(path)
        except sqlite3.DatabaseError as exc:
            raise opening.translate_error(EnvironmentsDamagedError, path, exc) from exc
        try:
            _check_and_configure(database)
        except sqlite3.DatabaseError as exc:
            database.close()
            raise opening.translate_error(EnvironmentsDamagedError, path, exc) from exc
        return database

    def _rows(self, database: sqlite3.Connection, statement: str) -> list[Any]:
        return list(self._iterate(database, statement))

    def _iterate(self, database: sqlite3.Connection, statement: str) -> Iterator[Any]:
        private = database is self._private
        try:
            yield from database.execute(SQL[statement])
        except sqlite3.DatabaseError as exc:
            damage = EnvironmentsDamagedError if private else StoreDamagedError
            raise opening.translate_error(
                damage, self.path / (ENVIRONMENTS_NAME if private else STORE_NAME), exc
            ) from exc


class PrunedEvents(NamedTuple):
    """Which events are missing, as seqs.

    lost: all events up to it. horizon: some up to it, of jobs that are forgotten; of other jobs only progress.
    """

    lost: int
    horizon: int


class EventReader:
    """Reads past events over a separate connection. Use it from one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path / STORE_NAME
        self._database: sqlite3.Connection | None = None

    def pruned(self) -> PrunedEvents:
        """Which events are missing. Raises StorageError."""
        rows = self._query("pruned", ())
        return PrunedEvents(*rows[0])

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
            if self._database is not None:
                try:
                    return self._database.execute(SQL[statement], arguments).fetchall()
                except sqlite3.Error as exc:
                    log.debug("store_read_again error=%s", exc)  # its files may have been replaced
                    self.close()
            self._database = opening.open_read_only(self._path)
            return self._database.execute(SQL[statement], arguments).fetchall()
        except sqlite3.Error as exc:
            raise StorageError(f"{self._path}: {exc}") from exc


class LastCommit:
    """The seq of the last commit, in a file beside the store: a store that ends before it has lost commits.

    SQLite treats a damaged write-ahead log like one that a crash has truncated, without an error. The file is written
    after each commit and never synced, so it may lag behind the store, but is never ahead of it.
    state_dir: the store's directory. Raises OSError.
    """

    def __init__(self, state_dir: Path) -> None:
        self._fd = open_regular(f"{state_dir / STORE_NAME}{SEQ_SUFFIX}", os.O_RDWR | os.O_CREAT)

    def read(self) -> int:
        """The seq, 0 when there is none or it cannot be read."""
        seq, _, checksum = os.pread(self._fd, 64, 0).partition(b" ")
        return int(seq) if checksum and checksum.strip() == b"%d" % crc32(seq) else 0

    def write(self, seq: int) -> None:
        """Write the seq of a commit."""
        text = b"%0*d" % (_SEQ_DIGITS, seq)
        try:
            os.pwrite(self._fd, b"%b %-10d\n" % (text, crc32(text)), 0)
        except OSError as exc:
            log.warning("last_commit_not_written seq=%d error=%s", seq, exc)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _reopen(database: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Save what is in a write-ahead log whose name is lost, and begin another. Raises sqlite3.Error, StorageError."""
    busy, frames, saved = database.execute(_CHECKPOINT).fetchone()
    if busy or frames != saved:
        raise StorageError(f"the write-ahead log of {path} was deleted while in use, and is being saved")
    log.warning("write_ahead_log_lost file=%s", path)
    database.close()
    reopened = _open(path)
    opening.configure(reopened, secrets=path.name == ENVIRONMENTS_NAME)
    return reopened


def _check_and_configure(database: sqlite3.Connection) -> None:
    opening.check_integrity(database)
    opening.configure(database, secrets=True)
    database.execute("CREATE TABLE IF NOT EXISTS environments (id INTEGER PRIMARY KEY, variables TEXT NOT NULL)")
