"""The values of variables that no job uses any more leave the files of the store."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from luziad.store.batch import Batch
from luziad.store.files import ENVIRONMENTS_NAME
from luziad.store.sqlite import Store


def on_disk(directory: Path) -> bytes:
    """The database and its log; the index of the log has no values."""
    return b"".join((directory / f"{ENVIRONMENTS_NAME}{suffix}").read_bytes() for suffix in ("", "-wal"))


def test_a_deleted_value_is_in_no_file_when_the_deletion_is_committed(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.write(Batch(environments={1: {"A": "deleted-value"}, 2: {"A": "other-value"}}))
        assert b"deleted-value" in on_disk(tmp_path)
        store.write(Batch(dropped_environments=[1]))
        assert b"deleted-value" not in on_disk(tmp_path)
        assert b"other-value" in on_disk(tmp_path)


def test_rows_that_were_moved_within_the_file_leave_no_copies_behind(tmp_path: Path) -> None:
    """A copy may be left until as many sets are deleted as the file has pages. With this seed, SQLite leaves one."""
    chance = random.Random(97)
    values = {number: f"value-{chance.getrandbits(60)}-" for number in range(1, 20)}
    sizes = {number: chance.choice((10, 100, 400, 900, 1500)) for number in values}
    deleted = list[str]()
    with closing(Store(tmp_path)) as store:
        store.write(Batch(environments={n: {"A": value + "x" * sizes[n]} for n, value in values.items()}))
        for number in chance.sample(sorted(values), 16):
            store.write(Batch(dropped_environments=[number]))
            deleted.append(values[number])
            content = on_disk(tmp_path)
            recent = len(content) // 4096 + 1
            assert [value for value in deleted[:-recent] if value.encode() in content] == []


def test_a_reader_delays_neither_a_commit_nor_the_removal_for_long(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store, closing(sqlite3.connect(tmp_path / ENVIRONMENTS_NAME)) as reader:
        store.write(Batch(environments={1: {"A": "deleted-value"}}))
        reader.execute("BEGIN")
        assert len(reader.execute("SELECT * FROM environments").fetchall()) == 1
        store.write(Batch(dropped_environments=[1]))
        assert b"deleted-value" in on_disk(tmp_path)  # it is in the snapshot that is being read
        reader.rollback()
        store.write(Batch(probe=True))
        assert b"deleted-value" not in on_disk(tmp_path)


def test_values_whose_deletion_a_crash_cut_off_leave_with_the_next_commit(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.write(Batch(environments={1: {"A": "deleted-value"}}))
    with closing(sqlite3.connect(tmp_path / ENVIRONMENTS_NAME)) as killed:
        killed.execute("PRAGMA wal_autocheckpoint = 0")
        killed.execute("UPDATE environments SET variables = replace(variables, 'deleted', 'changed')")
        killed.execute("PRAGMA secure_delete = ON")
        killed.execute("DELETE FROM environments")
        killed.commit()
        saved = {file: file.read_bytes() for file in tmp_path.iterdir()}
    for file, content in saved.items():
        file.write_bytes(content)
    assert b"deleted-value" in on_disk(tmp_path)
    with closing(Store(tmp_path)) as store:
        store.write(Batch(probe=True))
        assert b"deleted-value" not in on_disk(tmp_path)
