"""Schedules in the store: rescued with the jobs when it is damaged, and never a reason not to start."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from luzia_protocol.dispatch import Dispatch

from luziad.errors import StoreDamagedError
from luziad.jobs.schedule import ScheduleRecord, ScheduleSpec, ScheduleStatus
from luziad.journal.loading import load, load_schedules
from luziad.store.batch import Batch
from luziad.store.files import STORE_NAME
from luziad.store.recovery import open_store
from luziad.store.sqlite import Store


def record(name: str, env_set: int = 0) -> ScheduleRecord:
    spec = ScheduleSpec(name, "@daily", "UTC", Dispatch(project="overbits", task="t"), 1.0, env_set=env_set)
    return ScheduleRecord(spec, ScheduleStatus(1.0))


def written(path: Path, *records: ScheduleRecord) -> None:
    store = Store(path)
    batch = Batch()
    batch.schedules = {each.spec.name: msgspec.json.encode(each) for each in records}
    batch.environments = {1: {"A": "b"}, 2: {"C": "d"}}
    store.write(batch)
    store.close()


def test_their_variables_are_in_use(tmp_path: Path) -> None:
    written(tmp_path, record("a", env_set=2))
    store = Store(tmp_path)
    _, environments = load(store)
    assert environments.drop_unused() == [1]
    store.close()


def test_what_is_whole_of_them_is_rescued_from_a_store_that_is_damaged(tmp_path: Path) -> None:
    written(tmp_path, record("whole"), record("torn"))
    with closing(sqlite3.connect(tmp_path / STORE_NAME)) as store:
        store.execute("UPDATE schedules SET schedule = '{\"spec\": 5}' WHERE name = 'torn'")
        store.commit()
    with closing(Store(tmp_path)) as damaged, pytest.raises(StoreDamagedError):
        load_schedules(damaged)
    opened = open_store(tmp_path, tmp_path / "jobs", load)
    assert load_schedules(opened.store) == {"whole": record("whole")}
    assert "damaged" in opened.notices[0]
    opened.store.close()
