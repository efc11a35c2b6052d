"""A damaged store is set aside, and the newest good snapshot takes its place; nothing is ever overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from luziad.errors import StorageError, StoreTooNewError
from luziad.journal.loading import load
from luziad.store import repair, snapshots
from luziad.store.batch import Batch
from luziad.store.files import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.recovery import OpenedStore, open_store
from luziad.store.sqlite import Store

SPEC = b'{"project":"p","directory":"/","agent":"shell","created_at":0.0,"task":"x"}'
Rows = list[tuple[int, str, str, str]]


def batch(n: int) -> Batch:
    changes = Batch()
    changes.jobs[n] = (f"00000{n}-aaaa", SPEC)
    changes.fates[n] = b'{"seq":%d}' % n
    changes.events.append((n, b"{}"))
    changes.environments[n] = {"N": str(n)}
    return changes


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:4196] = bytes(100)
    content[8192:8292] = b"\xff" * 100
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def missing(path: Path) -> None:
    path.unlink()


def foreign(path: Path) -> None:
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE recipes (name TEXT)")
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()


DAMAGES: list[Callable[[Path], None]] = [garbage, flipped, cut_short, empty, missing, foreign]


def open_it(state_dir: Path) -> OpenedStore[Rows]:
    (state_dir / "jobs").mkdir(exist_ok=True)
    opened = open_store(state_dir, state_dir / "jobs", lambda store: list(store.load_jobs()))
    opened.store.close()
    return opened


def numbers(opened: OpenedStore[Rows]) -> list[int]:
    return [row[0] for row in opened.loaded]


@pytest.fixture
def lived_in(tmp_path: Path) -> Path:
    """A state directory with one job in a snapshot and two in the store."""
    store = Store(tmp_path)
    store.write(batch(1))
    snapshots.take(tmp_path)
    store.write(batch(2))
    store.close()
    return tmp_path


def test_a_new_place_is_no_damage(tmp_path: Path) -> None:
    opened = open_it(tmp_path)
    assert (opened.loaded, opened.notices, opened.least_seq) == ([], [], 0)


def test_a_whole_store_is_opened_as_it_is(lived_in: Path) -> None:
    opened = open_it(lived_in)
    assert (numbers(opened), opened.notices, opened.least_seq) == ([1, 2], [], 0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_snapshot_takes_the_place_of_a_damaged_store_which_is_set_aside(
    lived_in: Path, damage: Callable[[Path], None]
) -> None:
    damage(lived_in / STORE_NAME)
    before = (lived_in / STORE_NAME).read_bytes() if (lived_in / STORE_NAME).exists() else None
    opened = open_it(lived_in)
    assert numbers(opened) == [1]
    assert opened.least_seq > 2, "a seq is never used twice"
    (aside,) = lived_in.glob("damaged-*")
    assert str(aside) in opened.notices[0]
    if before is not None:
        assert (aside / STORE_NAME).read_bytes() == before
    assert open_it(lived_in).notices == opened.notices, "the next start goes on with it"
    repair.finish(lived_in)
    retry = open_it(lived_in)
    assert (numbers(retry), retry.notices, retry.least_seq) == ([1], [], 0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_snapshot_is_passed_over_for_an_older_one(lived_in: Path, damage: Callable[[Path], None]) -> None:
    newest = snapshots.take(lived_in)
    damage(newest)
    garbage(lived_in / STORE_NAME)
    assert numbers(open_it(lived_in)) == [1]


def test_without_any_good_snapshot_the_notices_say_so(lived_in: Path) -> None:
    for path in [lived_in / STORE_NAME, *snapshots.newest_first(lived_in)]:
        garbage(path)
    opened = open_it(lived_in)
    assert opened.loaded == []
    assert "no good snapshot" in opened.notices[-1]
    assert len(list(lived_in.glob("damaged-*"))) >= 1


def test_rows_that_cannot_be_understood_are_damage(lived_in: Path) -> None:
    store = Store(lived_in)
    strange = batch(3)
    strange.fates[3] = b'{"state":"enchanted"}'
    store.write(strange)
    store.close()
    opened = open_store(lived_in, lived_in, load)
    opened.store.close()
    table, _ = opened.loaded
    assert [record.n for record in table.newest_first()] == [2, 1]
    assert "enchanted" in opened.notices[0]


@pytest.mark.parametrize("damage", [garbage, cut_short, foreign])
def test_damaged_variables_cost_no_job(lived_in: Path, damage: Callable[[Path], None]) -> None:
    damage(lived_in / ENVIRONMENTS_NAME)
    opened = open_it(lived_in)
    assert numbers(opened) == [1, 2]
    if damage is not foreign:
        assert "variables" in opened.notices[0]
    assert open_it(lived_in).notices == []


def test_a_cut_off_wal_costs_what_was_not_in_it_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(batch(1))
    store.write(batch(2))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (STORE_NAME, STORE_NAME + "-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    store.close()
    wal = copy / (STORE_NAME + "-wal")
    wal.write_bytes(wal.read_bytes()[:-100])
    assert numbers(open_it(copy)) == [1]


def test_a_store_that_cannot_be_had_now_is_not_set_aside(lived_in: Path) -> None:
    before = (lived_in / STORE_NAME).read_bytes()
    holder = sqlite3.connect(lived_in / STORE_NAME, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match="locked"):
        open_it(lived_in)
    holder.close()
    assert (lived_in / STORE_NAME).read_bytes() == before
    assert list(lived_in.glob("damaged-*")) == []
    assert numbers(open_it(lived_in)) == [1, 2]


def test_a_store_of_a_newer_luzia_is_refused_and_untouched(lived_in: Path) -> None:
    database = sqlite3.connect(lived_in / STORE_NAME)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreTooNewError, match="newer luzia"):
        open_it(lived_in)
    assert list(lived_in.glob("damaged-*")) == []
