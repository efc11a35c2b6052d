"""Reads one value of the store at a time: what is too large to be kept in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from luziad.errors import StorageError
from luziad.jobs.record import JobRecord, JobSpec
from luziad.store.files import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.opening import open_read_only
from luziad.store.queries import SQL


class SingleValues:
    """state_dir: the directory of the store, which need not be open here."""

    def __init__(self, state_dir: Path) -> None:
        self._store = state_dir / STORE_NAME
        self._environments = state_dir / ENVIRONMENTS_NAME

    def spec(self, record: JobRecord) -> JobSpec:
        """The whole spec of a job, also if its record has the beginning of the texts only. Raises StorageError."""
        if record.task_bytes is None:
            return record.spec
        text = _read(self._store, "read_spec", record.n, record.id)
        if text is None:
            raise StorageError(f"{self._store} does not have job {record.id} any more")
        try:
            return msgspec.json.decode(text, type=JobSpec)
        except msgspec.DecodeError as exc:
            raise StorageError(f"{self._store}: job {record.id} cannot be read: {exc}") from exc

    def variables(self, number: int) -> dict[str, str] | None:
        """The variables of an environment, None when it is not in the store. Raises StorageError."""
        text = _read(self._environments, "read_environment", number)
        try:
            return None if text is None else msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError as exc:
            raise StorageError(f"{self._environments}: environment {number} cannot be read: {exc}") from exc


def _read(path: Path, statement: str, *arguments: Any) -> str | None:
    try:
        with closing(open_read_only(path)) as database:
            row = database.execute(SQL[statement], arguments).fetchone()
    except sqlite3.Error as exc:
        raise StorageError(f"{path} cannot be read: {exc}") from exc
    return None if row is None else row[0]
