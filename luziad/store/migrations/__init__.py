"""Migrates the store of an older luzia: NNNN.sql migrates from the previous schema to schema NNNN.

All steps and the new version are one transaction, so the old store remains if the process is killed. A copy of the old
file is complete before the first change.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from zlib import crc32

from luziad.errors import StorageError


def scripts(version: int, target: int) -> str:
    """The statements that migrate a store from one schema version to another."""
    files = [Path(__file__).with_name(f"{number:04d}.sql") for number in range(version + 1, target + 1)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def migrate(database: sqlite3.Connection, version: int, target: int) -> None:
    """Migrate the database from schema `version` to `target`. On StorageError it is unchanged."""
    database.create_function("checksum", 1, lambda text: crc32(text.encode()), deterministic=True)
    try:
        database.executescript(f"BEGIN IMMEDIATE; {scripts(version, target)} PRAGMA user_version = {target}; COMMIT;")
    except sqlite3.DatabaseError as exc:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise StorageError(f"the store of schema {version} cannot be migrated to {target}: {exc}") from exc
