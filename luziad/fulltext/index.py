"""The file of the index: SQLite with FTS5. Blocks: for one thread. Every method may raise sqlite3.Error and OSError."""

from __future__ import annotations

import logging
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from luzia_protocol.searching import Where

from luziad.agents.transcript import Entries
from luziad.fulltext.folding import compose, divide, fold
from luziad.fulltext.readable import readable_text

log = logging.getLogger("luziad.fulltext")

NAME = "search.db"
SCHEMA_VERSION = 1
MAX_TASK_CHARS = 64 * 1024
_ATTEMPTS = 1 << 16
"""The place of the texts of an attempt is that of its job times this, plus its number."""
_FIELDS: tuple[Where, ...] = ("task", "message", "transcript", "files")
_DROPPED_PART = 0.1
"""How much of a full index is dropped at once."""
_MERGED_PAGES = 500
_STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the clock."""


class AttemptTexts(NamedTuple):
    """What is indexed of an ended attempt. entries: of its transcript, see agents/transcript.py."""

    number: int
    message: str
    files: Sequence[str]
    stdout: str
    stderr: str
    entries: Entries | None


class JobTexts(NamedTuple):
    """What is indexed of a job.

    seq: its newest event. task: its first MAX_TASK_CHARS. attempts: those that have ended.
    """

    n: int
    id: str
    seq: int
    task: str
    attempts: list[AttemptTexts]


class Place(NamedTuple):
    """A place where words were found: the job with its number; attempt 0 is one without an ended attempt."""

    n: int
    attempt: int
    job: str


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction, which SQLite may have ended itself when the disk is full."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


class Index:
    """Created at the first use. path: its file. max_bytes: the size at which the oldest texts are dropped."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._database: sqlite3.Connection | None = None
        self._merges = 0  # pages of the next step of merging, negative for the first one

    def put(self, jobs: Sequence[JobTexts], until: float) -> int:
        """Add what the index lacks of these jobs, in one transaction.

        until: on time.monotonic(). Returns for how many of them there was time, which is one at least.
        """
        database, done = self._open(), 0
        (dropped,) = database.execute("SELECT n FROM dropped").fetchone()
        with _transaction(database):
            for job in jobs:
                rows = self._missing(job) if job.n > dropped else []
                if rows:
                    self._delete(job.n, 0)
                for place, texts in rows:
                    self._insert(place, texts)
                database.execute("DELETE FROM jobs WHERE id = ? AND n <> ?", (job.id, job.n))
                database.execute("INSERT OR REPLACE INTO jobs (n, id, seq) VALUES (?, ?, ?)", (job.n, job.id, job.seq))
                done += 1
                if time.monotonic() > until:
                    break
        return done

    def shrink(self) -> bool:
        """Do one step of what keeps the file below its size; returns whether there is more to do.

        The texts of the oldest jobs are dropped, and then the index is merged part by part, which frees their space.
        """
        database = self._open()
        if self._merges:
            before = database.total_changes
            database.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (self._merges,))
            self._merges = 0 if database.total_changes - before < 2 else abs(self._merges)
            return bool(self._merges) or self._size() > self.max_bytes
        if self._size() > self.max_bytes and self._drop_oldest():
            self._merges = -_MERGED_PAGES
        return bool(self._merges)

    def remove(self, jobs: Iterable[str]) -> None:
        """Remove jobs with all their texts."""
        database = self._open()
        with _transaction(database):
            for job in jobs:
                row = database.execute("SELECT n FROM jobs WHERE id = ?", (job,)).fetchone()
                if row is not None:
                    self._delete(row[0], _ATTEMPTS - 1)
                    database.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def remove_after(self, n: int) -> None:
        """Remove the jobs with higher numbers: those that another store had."""
        rows = self._open().execute("SELECT id FROM jobs WHERE n > ?", (n,)).fetchall()
        if rows:
            self.remove(job for (job,) in rows)

    def between(self, first: int, last: int) -> dict[str, int]:
        """The indexed jobs with these numbers: id -> seq."""
        rows = self._open().execute("SELECT id, seq FROM jobs WHERE n BETWEEN ? AND ?", (first, last))
        return dict(rows.fetchall())

    def find(self, match: str, before: int, most: int, until: float) -> tuple[list[Place], bool]:
        """Places of jobs with a number below `before`, the newest first; and False when time was up before the end.

        match: from query.py. until: on time.monotonic().
        """
        database, found = self._open(), []
        database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            for place, job in database.execute(
                "SELECT words.rowid, jobs.id FROM words JOIN jobs ON jobs.n = words.rowid / ?"
                " WHERE words MATCH ? AND words.rowid < ? ORDER BY words.rowid DESC LIMIT ?",
                (_ATTEMPTS, match, min(before * _ATTEMPTS, 1 << 62), most),
            ):
                found.append(Place(place // _ATTEMPTS, place % _ATTEMPTS, job))
        except sqlite3.OperationalError as exc:
            if getattr(exc, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
                raise
            return found, False
        finally:
            database.set_progress_handler(None, 0)
        return found, True

    def texts(self, place: Place) -> dict[Where, str] | None:
        """The texts at a place by name; None when they are gone meanwhile."""
        row = self._row(place.n * _ATTEMPTS + place.attempt)
        return None if row is None else dict(zip(_FIELDS, row, strict=True))

    def dropped(self) -> int:
        """The number of the newest job whose texts were dropped; 0 for none."""
        return int(self._open().execute("SELECT n FROM dropped").fetchone()[0])

    def discard(self) -> None:
        """Delete the file; the next use begins an empty one."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    # ------------------------------------------------------------------ the file

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self.path.touch(mode=0o600)
            database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=0)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                database.execute("PRAGMA cache_size = -4096")
                database.execute(f"PRAGMA journal_size_limit = {4 << 20}")
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if version != SCHEMA_VERSION:
                    if version or database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                        raise sqlite3.DatabaseError(f"its version is {version}, not {SCHEMA_VERSION}")
                    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
                    database.executescript(f"BEGIN; {schema} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _drop_oldest(self) -> bool:
        """Drop some of the oldest texts; False when there are none."""
        database = self._open()
        count = max(1, int(database.execute("SELECT count(*) FROM texts").fetchone()[0] * _DROPPED_PART))
        places = database.execute("SELECT place FROM texts ORDER BY place LIMIT ?", (count,)).fetchall()
        if not places:
            return False
        with _transaction(database):
            for (place,) in places:
                self._delete_place(place)
            database.execute("UPDATE dropped SET n = max(n, ?)", (places[-1][0] // _ATTEMPTS,))
        return True

    def _size(self) -> int:
        """The bytes that are in use."""
        database = self._open()
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    # ------------------------------------------------------------------ rows

    def _missing(self, job: JobTexts) -> list[tuple[int, tuple[str, ...]]]:
        """The rows that the index lacks of a job, with their texts."""
        database, first = self._open(), job.n * _ATTEMPTS
        known = {
            place - first
            for (place,) in database.execute(
                "SELECT place FROM texts WHERE place BETWEEN ? AND ?", (first, first + _ATTEMPTS - 1)
            )
        }
        task = compose(job.task)
        if not job.attempts:
            old = self._row(first)
            return [] if old is not None and old[0] == task else [(first, (task, "", "", ""))]
        rows = []
        for attempt in job.attempts:
            number = min(attempt.number, _ATTEMPTS - 1)
            if number not in known:
                try:
                    transcript = readable_text(attempt.stdout, attempt.stderr, attempt.entries)
                except OSError as exc:
                    log.warning("search_output_not_read job=%s attempt=%d error=%s", job.id, number, exc)
                    transcript = ""
                texts = (task, attempt.message, transcript, "\n".join(attempt.files))
                rows.append((first + number, tuple(map(compose, texts))))
        return rows

    def _insert(self, place: int, texts: tuple[str, ...]) -> None:
        database = self._open()
        self._delete_place(place)
        packed = [zlib.compress(msgspec.json.encode(text), 1) for text in texts]
        database.execute("INSERT INTO texts VALUES (?, ?, ?, ?, ?)", (place, *packed))
        database.execute(
            "INSERT INTO words (rowid, task, message, transcript, files) VALUES (?, ?, ?, ?, ?)",
            (place, *(divide(fold(text)) for text in texts)),
        )

    def _delete(self, n: int, last: int) -> None:
        """Delete the texts of a job up to those of an attempt."""
        first = n * _ATTEMPTS
        places = self._open().execute("SELECT place FROM texts WHERE place BETWEEN ? AND ?", (first, first + last))
        for (place,) in places.fetchall():
            self._delete_place(place)

    def _delete_place(self, place: int) -> None:
        texts = self._row(place)
        if texts is None:
            return
        database = self._open()
        database.execute(
            "INSERT INTO words (words, rowid, task, message, transcript, files) VALUES ('delete', ?, ?, ?, ?, ?)",
            (place, *(divide(fold(text)) for text in texts)),
        )
        database.execute("DELETE FROM texts WHERE place = ?", (place,))

    def _row(self, place: int) -> tuple[str, ...] | None:
        row = self._open().execute(f"SELECT {', '.join(_FIELDS)} FROM texts WHERE place = ?", (place,)).fetchone()
        if row is None:
            return None
        try:
            return tuple(msgspec.json.decode(zlib.decompress(each), type=str) for each in row)
        except (zlib.error, msgspec.DecodeError) as exc:
            raise sqlite3.DatabaseError(f"a text is damaged: {exc}") from exc
