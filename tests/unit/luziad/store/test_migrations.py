"""Stores of older luzias are taken along, with a copy kept; whoever is killed in the middle has lost nothing."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from luziad.errors import StorageError, StoreTooNewError
from luziad.journal.loading import load
from luziad.store import snapshots
from luziad.store.files import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.opening import SCHEMA_VERSION, schema_version
from luziad.store.recovery import open_store
from luziad.store.sqlite import Store
from support import ROOT

STORES = ROOT / "tests" / "data" / "stores"
OLD = range(1, SCHEMA_VERSION)
JOBS = ["090001-a1b2", "090002-b2c3", "090003-c3d4", "090004-d4e5"]

KILLED_EVERYWHERE = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from luziad.store.sqlite import Store

plain_connect, plain_fsync, plain_rename = sqlite3.connect, os.fsync, Path.rename
left = 10**12  # steps until the end; only a child's are few

def tick():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0

def connect(*arguments, **options):
    database = plain_connect(*arguments, **options)
    database.set_progress_handler(tick, 40)
    return database

def rename(self, target):
    tick()
    return plain_rename(self, target)

sqlite3.connect, Path.rename = connect, rename
os.fsync = lambda fd: (tick(), plain_fsync(fd))
source, place = map(Path, sys.argv[1:])
killed = 1
while True:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place)
    child = os.fork()
    if not child:
        left = killed
        Store(place).close()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
    store = Store(place)
    assert len(list(store.load_jobs())) == 4, killed
    store.close()
    killed += 1
print(killed)
"""


@pytest.fixture(params=OLD)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state directory as an older luzia left it."""
    shutil.copytree(STORES / f"schema-{request.param}", tmp_path, dirs_exist_ok=True)
    (tmp_path / "jobs").mkdir()
    return tmp_path


def columns(file: Path) -> dict[str, list[tuple[object, ...]]]:
    database = sqlite3.connect(file)
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: database.execute(f"PRAGMA table_info({name})").fetchall() for name in tables}


def test_every_job_is_there_after_a_migration_with_its_variables_and_its_events(old: Path) -> None:
    before = sqlite3.connect(old / STORE_NAME).execute("SELECT n, id, spec, fate FROM jobs ORDER BY n").fetchall()
    opened = open_store(old, old / "jobs", load)
    table, environments = opened.loaded
    assert [record.id for record in table.newest_first()] == JOBS[::-1]
    queued = table.get(JOBS[3])
    assert queued is not None
    assert environments.get(queued.spec.env_set) == {"COLOUR": "green"}
    assert (list(opened.store.load_jobs()), opened.store.last_seq(), opened.least_seq) == (before, 12, 0)
    opened.store.close()


def test_progress_has_a_table_of_its_own_after_a_migration_and_what_was_pruned_is_known(
    old: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(old / STORE_NAME)) as database:
        database.execute("DELETE FROM events WHERE seq <= 3")
        database.execute("""INSERT INTO events VALUES (13, '{"kind":"progress","seq":13}')""")
        database.execute("INSERT INTO events VALUES (14, 'damaged')")
        database.commit()
    (old / f"{STORE_NAME}-seq").unlink(missing_ok=True)
    store = Store(old)
    assert store.last_seq() == 14
    store.close()
    with closing(sqlite3.connect(old / STORE_NAME)) as database:
        assert database.execute("SELECT seq FROM progress").fetchall() == [(13,)]
        assert database.execute("SELECT seq FROM events WHERE seq > 11").fetchall() == [(12,), (14,)]
        assert database.execute("SELECT lost, horizon FROM pruned").fetchall() == [(3, 3)]


def test_a_migration_makes_what_a_new_store_has(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    Store(old).close()
    Store(new).close()
    assert columns(old / STORE_NAME) == columns(new / STORE_NAME)


def test_the_old_store_is_kept_and_the_operator_told_once(old: Path) -> None:
    before = sqlite3.connect(old / STORE_NAME).execute("SELECT * FROM jobs").fetchall()
    (old / "jobs").mkdir(exist_ok=True)
    opened = open_store(old, old / "jobs", load)
    opened.store.close()
    (kept,) = old.glob("jobs-schema-*.db")
    (notice,) = opened.notices
    assert "migrated" in notice
    assert str(kept) in notice
    assert sqlite3.connect(kept).execute("SELECT * FROM jobs").fetchall() == before
    assert kept.stat().st_mode & 0o777 == 0o600
    retry = open_store(old, old / "jobs", load)
    retry.store.close()
    assert retry.notices == []


def test_a_snapshot_of_an_older_luzia_can_be_restored(old: Path) -> None:
    (old / "snapshots").mkdir()
    (old / STORE_NAME).rename(old / "snapshots" / "jobs-20251124T000000-000000000.db")
    opened = open_store(old, old / "jobs", load)
    opened.store.close()
    assert len(opened.loaded[0]) == 4
    assert any("restored" in notice for notice in opened.notices)


def test_whoever_is_killed_in_the_middle_of_a_migration_has_lost_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_EVERYWHERE, str(STORES / "schema-1"), str(tmp_path / "place")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 8, "it was killed at that many points"


def test_a_migration_that_fails_leaves_the_store_as_it_was(old: Path) -> None:
    database = sqlite3.connect(old / STORE_NAME)
    for table in ("jobs_2", "progress"):  # of the next schema, and of the one after it
        database.execute(f"CREATE TABLE {table} (in_the_way)")
    database.commit()
    version = schema_version(database)
    with pytest.raises(StorageError, match="cannot be migrated"):
        Store(old)
    assert schema_version(database) == version
    assert database.execute("SELECT count(*) FROM jobs").fetchone() == (4,)


def test_a_store_of_a_newer_luzia_is_not_changed_by_a_byte_even_with_a_log_beside_it(tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    Store(newer).close()
    database = sqlite3.connect(newer / STORE_NAME)
    database.execute("PRAGMA user_version = 99")
    database.commit()
    place = tmp_path / "place"
    shutil.copytree(newer, place)  # the daemon that wrote it was killed: the version stands in the log only
    database.close()
    (place / f"{STORE_NAME}-shm").unlink()
    names = (STORE_NAME, f"{STORE_NAME}-wal", ENVIRONMENTS_NAME)
    before = {name: (place / name).read_bytes() for name in names}
    assert before[f"{STORE_NAME}-wal"]
    (place / "jobs").mkdir()
    with pytest.raises(StoreTooNewError, match="newer luzia"):
        open_store(place, place / "jobs", load)
    assert {name: (place / name).read_bytes() for name in names} == before
    assert [each for each in place.glob("*") if each.name.startswith("damaged")] == []


def test_snapshots_are_of_the_newest_schema(old: Path) -> None:
    store = Store(old)
    snapshot = snapshots.take(old)
    store.close()
    assert schema_version(sqlite3.connect(snapshot)) == SCHEMA_VERSION
