"""Takes a store of an older luzia along: NNNN.sql makes schema NNNN out of the one before.

All steps and the new version are one transaction of SQLite's: whoever is killed in the middle has the old store.
The old file is kept as it was, in a copy that has its name before anything is changed.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from zlib import crc32

from luziad.errors import StorageError


def scripts(version: int, wanted: int) -> str:
    """The statements that take a store from one schema to another."""
    files = [Path(__file__).with_name(f"{number:04d}.sql") for number in range(version + 1, wanted + 1)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def migrate(database: sqlite3.Connection, version: int, wanted: int) -> None:
    """Bring the database from schema `version` to `wanted`. Raises StorageError; it is as it was then."""
    database.create_function("checksum", 1, lambda text: crc32(text.encode()), deterministic=True)
    try:
        database.executescript(f"BEGIN IMMEDIATE; {scripts(version, wanted)} PRAGMA user_version = {wanted}; COMMIT;")
    except sqlite3.DatabaseError as exc:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise StorageError(f"the store of schema {version} cannot be migrated to {wanted}: {exc}") from exc
