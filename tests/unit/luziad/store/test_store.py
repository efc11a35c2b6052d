"""The store keeps what was committed, all or nothing, and refuses what is not its own."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from luziad.errors import StorageError, StoreDamagedError, StoreTooNewError
from luziad.store import snapshots
from luziad.store.batch import Batch
from luziad.store.files import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.sqlite import EventReader, Store

SPEC = r'{"task":"it is \u0001 \"quoted\" ✓"}'


def batch(n: int, seq: int) -> Batch:
    changes = Batch()
    changes.jobs[n] = (f"00000{n}-aaaa", SPEC.encode())
    changes.fates[n] = b'{"seq":%d}' % seq
    changes.events.append((seq, b'{"kind":"dispatched","seq":%d}' % seq))
    return changes


def test_jobs_events_and_environments_come_back_as_they_were_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = batch(1, 1)
    first.environments[4] = {"TOKEN": "s3cret"}
    store.write(first)
    second = batch(2, 2)
    second.fates[1] = b'{"state":"failed","seq":3}'
    store.write(second)
    store.close()
    retry = Store(tmp_path)
    assert list(retry.load_jobs()) == [
        (1, "000001-aaaa", SPEC, '{"state":"failed","seq":3}'),
        (2, "000002-aaaa", SPEC, '{"seq":2}'),
    ]
    assert dict(retry.load_environments()) == {4: {"TOKEN": "s3cret"}}
    assert retry.last_seq() == 2
    reader = EventReader(tmp_path)
    assert [seq for seq, _ in reader.after(0, 10)] == [1, 2]
    assert reader.after(1, 10) == [(2, '{"kind":"dispatched","seq":2}')]
    assert reader.pruned() == (0, 0)
    reader.close()
    retry.close()


def test_schedules_are_put_changed_and_deleted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = Batch()
    first.schedules = {"nightly": b'{"at":"02:00"}', "hourly": b'{"every_s":3600}'}
    store.write(first)
    second = Batch()
    second.schedules = {"nightly": b'{"at":"03:00","text":"\\u0001 \\"quoted\\""}', "hourly": None, "never": None}
    store.write(second)
    store.close()
    retry = Store(tmp_path)
    assert retry.load_schedules() == {"nightly": '{"at":"03:00","text":"\\u0001 \\"quoted\\""}'}
    retry.close()


def test_a_text_that_was_changed_behind_the_stores_back_is_damage(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(batch(1, 1))
    store.close()
    for change in ("id = '000001-aaab'", "spec = '{}'", "fate = '{}'", "fate = x'00'", "fate_sum = fate_sum + 1"):
        copy = tmp_path / "copy"
        copy.mkdir()
        shutil.copy(tmp_path / STORE_NAME, copy)
        database = sqlite3.connect(copy / STORE_NAME)
        database.execute(f"UPDATE jobs SET {change}")
        database.commit()
        database.close()
        store = Store(copy)
        with pytest.raises(StoreDamagedError, match="checksum does not match"):
            list(store.load_jobs())
        with pytest.raises(StorageError, match="checksum does not match"):
            snapshots.take(copy)
        store.close()
        shutil.rmtree(copy)


def test_removed_jobs_and_dropped_environments_are_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = batch(1, 1)
    first.environments[1] = {"TOKEN": "s3cret-value"}
    store.write(first)
    second = Batch()
    second.removed = [1]
    second.dropped_environments = [1]
    second.events.append((2, b'{"kind":"removed"}'))
    store.write(second)
    assert list(store.load_jobs()) == []
    assert dict(store.load_environments()) == {}
    store.close()
    reader = EventReader(tmp_path)
    reader.close()
    assert b"s3cret-value" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_batch_that_cannot_be_written_leaves_nothing_behind_and_can_be_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(batch(1, 1))
    broken = batch(2, 2)
    broken.events.append((3, b"no JSON"))
    with pytest.raises(StorageError):
        store.write(broken)
    assert [row[0] for row in store.load_jobs()] == [1]
    broken.events.pop()
    for _ in range(2):
        store.write(broken)  # the second time after a commit, as when the failure came after it
    assert [row[0] for row in store.load_jobs()] == [1, 2]
    store.close()


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(batch(1, 1))
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    store.close()


def test_a_store_of_a_newer_luzia_is_refused_and_untouched(tmp_path: Path) -> None:
    Store(tmp_path).close()
    database = sqlite3.connect(tmp_path / STORE_NAME)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = (tmp_path / STORE_NAME).read_bytes()
    with pytest.raises(StoreTooNewError, match="newer luzia"):
        Store(tmp_path)
    assert (tmp_path / STORE_NAME).read_bytes() == before


def test_a_snapshot_has_no_values_of_variables_and_three_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    secret = batch(1, 1)
    secret.environments[1] = {"TOKEN": "s3cret-value"}
    store.write(secret)
    taken = [snapshots.take(tmp_path) for _ in range(5)]
    assert snapshots.newest_first(tmp_path) == taken[:1:-1]
    for path in (tmp_path / "snapshots").iterdir():
        assert b"s3cret-value" not in path.read_bytes()
    store.close()
    assert (tmp_path / ENVIRONMENTS_NAME).exists()


def test_what_a_killed_daemon_left_of_a_snapshot_goes_with_the_next_one(tmp_path: Path) -> None:
    Store(tmp_path).close()
    snapshots.take(tmp_path)
    (tmp_path / "snapshots" / ".jobs-20251124T000000-000000000.db.new").write_bytes(b"half")
    taken = snapshots.take(tmp_path)
    assert [path for path in (tmp_path / "snapshots").iterdir() if path.name.startswith(".")] == []
    assert taken.exists()


def test_a_snapshot_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    Store(tmp_path).close()
    (tmp_path / "snapshots").write_text("in the way")
    with pytest.raises(StorageError, match="no snapshot"):
        snapshots.take(tmp_path)
    assert (tmp_path / "snapshots").read_text() == "in the way"
