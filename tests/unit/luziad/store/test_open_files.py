"""A store whose files are moved, deleted or truncated under it acknowledges nothing that would be lost."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from luziad.errors import StorageError
from luziad.store.batch import Batch
from luziad.store.files import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.sqlite import Store


def batch(n: int) -> Batch:
    changes = Batch()
    changes.jobs[n] = (f"00000{n}-aaaa", b'{"task":"x"}')
    changes.fates[n] = b'{"seq":%d}' % n
    changes.events.append((n, b'{"kind":"dispatched","seq":%d}' % n))
    changes.environments[n] = {"TOKEN": f"value-{n}"}
    return changes


def jobs_in(directory: Path) -> list[int]:
    """The jobs that another process finds: what would be left after a kill."""
    copy = directory / "seen"
    copy.mkdir()
    for name in (STORE_NAME, STORE_NAME + "-wal"):
        if (directory / name).exists():
            (copy / name).write_bytes((directory / name).read_bytes())
    with closing(sqlite3.connect(copy / STORE_NAME)) as database:
        return [n for (n,) in database.execute("SELECT n FROM jobs ORDER BY n")]


@pytest.mark.parametrize("name", [STORE_NAME, ENVIRONMENTS_NAME])
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_deleted_write_ahead_log_loses_no_commit_before_or_after(tmp_path: Path, name: str, suffix: str) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    (tmp_path / f"{name}{suffix}").unlink()
    store.write(batch(2))
    assert jobs_in(tmp_path) == [1, 2]
    assert dict(store.load_environments()) == {1: {"TOKEN": "value-1"}, 2: {"TOKEN": "value-2"}}
    store.write(batch(3))
    store.close()
    again = Store(tmp_path)
    assert [row[0] for row in again.load_jobs()] == [1, 2, 3]
    assert sorted(dict(again.load_environments())) == [1, 2, 3]
    again.close()


def test_a_write_ahead_log_that_was_replaced_is_not_written_to(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    wal = tmp_path / f"{STORE_NAME}-wal"
    content = wal.read_bytes()
    wal.unlink()
    wal.write_bytes(content)
    store.write(batch(2))
    assert jobs_in(tmp_path) == [1, 2]
    store.close()


@pytest.mark.parametrize("name", [STORE_NAME, f"{STORE_NAME}-wal", ENVIRONMENTS_NAME, f"{ENVIRONMENTS_NAME}-wal"])
def test_a_file_that_was_truncated_is_told_before_anything_is_acknowledged(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    store.write(batch(2))  # the first commit clears the log of what a crash may have left
    assert os.stat(tmp_path / name).st_size
    os.truncate(tmp_path / name, 0)
    with pytest.raises(StorageError, match=f"{name} was truncated while in use; restart luziad"):
        store.write(batch(3))
    with pytest.raises(StorageError, match="truncated"):  # also the next time
        store.write(batch(3))
    store.close()


@pytest.mark.parametrize("name", [STORE_NAME, ENVIRONMENTS_NAME])
def test_nothing_is_acknowledged_while_a_link_to_itself_is_in_the_place_of_a_database(
    tmp_path: Path, name: str
) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    place = tmp_path / name
    place.rename(tmp_path / "moved")
    place.symlink_to(place)
    with pytest.raises(StorageError, match="was moved or deleted while in use"):
        store.write(batch(2))
    place.unlink()
    (tmp_path / "moved").rename(place)
    store.write(batch(2))
    store.close()
    again = Store(tmp_path)
    assert [row[0] for row in again.load_jobs()] == [1, 2]
    again.close()


@pytest.mark.parametrize("name", [STORE_NAME, ENVIRONMENTS_NAME])
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_link_to_itself_in_the_place_of_a_write_ahead_log_loses_no_commit(
    tmp_path: Path, name: str, suffix: str
) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    place = tmp_path / f"{name}{suffix}"
    place.unlink()
    place.symlink_to(place)
    store.write(batch(2))
    assert jobs_in(tmp_path) == [1, 2]
    store.close()
    again = Store(tmp_path)
    assert sorted(dict(again.load_environments())) == [1, 2]
    again.close()


@pytest.mark.parametrize("name", [STORE_NAME, ENVIRONMENTS_NAME])
def test_a_database_that_was_moved_away_is_told_and_written_again_when_it_is_back(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=f"{name} was moved or deleted while in use; put it back"):
        store.write(batch(2))
    (tmp_path / "elsewhere").rename(tmp_path / name)
    store.write(batch(2))
    assert [row[0] for row in store.load_jobs()] == [1, 2]
    store.close()


def test_the_values_of_a_removed_job_are_in_no_file_after_its_removal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    removal = Batch()
    removal.removed, removal.dropped_environments = [1], [1]
    store.write(removal)
    assert b"value-1" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())  # while the store is open
    store.close()
