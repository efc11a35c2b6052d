"""The notices that are to be delivered, in SQLite: taking an event in and moving the cursor is one transaction.

It also says when a delivery that failed is tried again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from luzia_client.notify import NotifyError
from luzia_client.notify.notices import Notice
from luzia_client.notify.rules import Posting

DEAD_AFTER_S = 24 * 3600.0
KEEP_SENT_S = 7 * 24 * 3600.0
"""How long a notice is retried; how long the log has those that were delivered or given up."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    fact TEXT NOT NULL,
    notice BLOB NOT NULL,
    created REAL NOT NULL,
    due REAL NOT NULL,
    digest INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'pending',
    ended REAL,
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (target, fact)
) STRICT;
CREATE INDEX IF NOT EXISTS pending ON notices (target, due) WHERE status = 'pending';
"""


class Row(NamedTuple):
    """A notice for a target. status: pending, sent or dead. due, created, ended: epoch seconds."""

    id: int
    target: str
    notice: Notice
    created: float
    due: float
    digest: bool
    tries: int
    status: str
    ended: float | None
    error: str


_COLUMNS = "id, target, notice, created, due, digest, tries, status, ended, error"


class Outbox:
    """The store. One thread uses it. Raises NotifyError when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
        except OSError as exc:
            raise NotifyError(f"cannot use {path}: {exc.strerror}", "Choose another file with --state.") from exc
        except sqlite3.Error as exc:
            raise NotifyError(f"cannot use {path}: {exc}", "Choose another file with --state.") from exc

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # ------------------------------------------------------------------ taking in

    def value(self, name: str) -> str | None:
        """A value that was kept with `take`."""
        row = self._database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def has(self, prefix: str) -> bool:
        """Whether a value is kept whose name begins like this."""
        found = self._database.execute(
            "SELECT 1 FROM state WHERE name >= ? AND name < ? || char(1114111)", (prefix, prefix)
        )
        return found.fetchone() is not None

    def take(self, postings: Iterable[tuple[Notice, Posting]], now: float, **values: str | None) -> None:
        """Add notices and keep values, among them the cursor, in one transaction. A fact is taken once for a target.

        now: epoch seconds. values: None deletes.
        """
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for notice, posting in postings:
                self._add(notice, posting, now)
            for name, value in values.items():
                if value is None:
                    self._database.execute("DELETE FROM state WHERE name = ?", (name,))
                else:
                    self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    def _add(self, notice: Notice, posting: Posting, now: float) -> None:
        due = now
        if posting.digest_s:
            waiting = self._database.execute(
                "SELECT min(due) FROM notices WHERE target = ? AND status = 'pending' AND digest = 1 AND due > ?",
                (posting.target, now),
            ).fetchone()[0]
            due = now + posting.digest_s if waiting is None else float(waiting)
        if posting.after is not None:
            due = max(due, posting.after.timestamp())
        self._database.execute(
            "INSERT OR IGNORE INTO notices (target, fact, notice, created, due, digest, status, ended, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                posting.target,
                f"{notice.subject} {notice.key}",
                msgspec.json.encode(notice),
                now,
                due,
                int(bool(posting.digest_s) or posting.after is not None),
                "dead" if posting.error else "pending",
                now if posting.error else None,
                posting.error,
            ),
        )

    # ------------------------------------------------------------------ delivering

    def due(self, target: str, now: float) -> list[Row]:
        """The notices for a target that may be delivered now, oldest first."""
        return self._rows("target = ? AND status = 'pending' AND due <= ? ORDER BY id", (target, now))

    def next_due(self, target: str) -> float | None:
        """When the next notice for a target is due; None without one."""
        found = self._database.execute(
            "SELECT min(due) FROM notices WHERE target = ? AND status = 'pending'", (target,)
        ).fetchone()[0]
        return None if found is None else float(found)

    def messages_since(self, target: str, since: float) -> list[float]:
        """When messages were delivered to a target since then, oldest first. A digest is one message."""
        rows = self._database.execute(
            "SELECT DISTINCT ended FROM notices WHERE target = ? AND status = 'sent' AND ended > ? ORDER BY ended",
            (target, since),
        )
        return [ended for (ended,) in rows]

    def sent(self, rows: list[Row], now: float) -> None:
        """The notices were delivered in one message."""
        self._end(rows, "sent", now, "")

    def failed(self, rows: list[Row], now: float, retry_at: float, error: str) -> None:
        """The delivery has failed: everything for the target waits. What is too old is given up."""
        too_old = [row for row in rows if now - row.created >= DEAD_AFTER_S]
        self._end(too_old, "dead", now, error)
        kept = [(error, row.id) for row in rows if now - row.created < DEAD_AFTER_S]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("UPDATE notices SET tries = tries + 1, error = ? WHERE id = ?", kept)
            self._database.execute(
                "UPDATE notices SET due = max(due, ?) WHERE target = ? AND status = 'pending'",
                (retry_at, rows[0].target),
            )

    def forget(self, now: float) -> None:
        """Delete what the log does not have any more."""
        self._database.execute("DELETE FROM notices WHERE ended < ?", (now - KEEP_SENT_S,))

    def _end(self, rows: list[Row], status: str, now: float, error: str) -> None:
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "UPDATE notices SET status = ?, ended = ?, error = ? WHERE id = ?",
                [(status, now, error, row.id) for row in rows],
            )

    # ------------------------------------------------------------------ showing

    def log(self, limit: int) -> list[Row]:
        """The newest notices, newest first."""
        return self._rows("TRUE ORDER BY id DESC LIMIT ?", (limit,))

    def counts(self) -> dict[str, dict[str, int]]:
        """Notices by target and status."""
        counts: dict[str, dict[str, int]] = {}
        for target, status, count in self._database.execute(
            "SELECT target, status, count(*) FROM notices GROUP BY target, status"
        ):
            counts.setdefault(target, {})[status] = count
        return counts

    def last_error(self, target: str) -> str:
        """Why the newest notice that is not delivered was not; empty without one."""
        row = self._database.execute(
            "SELECT error FROM notices WHERE target = ? AND status != 'sent' AND error != '' ORDER BY id DESC LIMIT 1",
            (target,),
        ).fetchone()
        return "" if row is None else str(row[0])

    def _rows(self, where: str, values: tuple[object, ...]) -> list[Row]:
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM notices WHERE {where}", values)
        return [
            Row(number, target, msgspec.json.decode(notice, type=Notice), created, due, bool(digest), *rest)
            for number, target, notice, created, due, digest, *rest in rows
        ]


def count_waiting(path: Path) -> dict[str, int]:
    """The notices that wait for delivery, by target, for another process; none without a file. Raises NotifyError."""
    if not path.exists():
        return {}
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(os.fspath(path))}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT target, count(*) FROM notices WHERE status = 'pending' GROUP BY target")
            return {str(target): int(count) for target, count in rows}
    except sqlite3.Error as exc:
        raise NotifyError(f"cannot read {path}: {exc}") from exc


def backoff_s(tries: int) -> float:
    """Seconds before the next try: 5 s, doubled each time, at most an hour."""
    return float(min(5.0 * 2 ** min(tries, 20), 3600.0))


def local(epoch_s: float) -> datetime:
    """The moment in local time."""
    return datetime.fromtimestamp(epoch_s).astimezone()
