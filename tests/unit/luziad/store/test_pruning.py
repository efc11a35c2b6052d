"""Events are kept as long as their jobs, and progress only for a short time."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from luziad.store import pruning
from luziad.store.batch import Batch
from luziad.store.files import STORE_NAME
from luziad.store.sqlite import EventReader, Store


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep few events, and prune with every write."""
    monkeypatch.setattr(pruning, "EVENTS_KEPT", 4)
    monkeypatch.setattr(pruning, "PROGRESS_KEPT", 3)
    monkeypatch.setattr(pruning, "PRUNE_EVERY", 1)
    monkeypatch.setattr(pruning, "FIRST_PRUNE", 1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def job_id(n: int) -> str:
    return f"00000{n}-aaaa"


def write(store: Store, n: int, seq: int, *, kind: str = "sent", is_new: bool = False, removes: bool = False) -> None:
    """Write one event of a job."""
    batch = Batch()
    if is_new:
        batch.jobs[n] = (job_id(n), b"{}")
    if removes:
        batch.removed.append(n)
    else:
        batch.fates[n] = b'{"seq":%d}' % seq
    event = json.dumps({"kind": kind, "seq": seq, "job": job_id(n)}).encode()
    (batch.progress if kind == "progress" else batch.events).append((seq, event))
    store.write(batch)


def kept(path: Path) -> list[int]:
    reader = EventReader(path)
    found = [seq for seq, _ in reader.after(0, 1000)]
    reader.close()
    return found


def test_old_events_of_a_job_are_kept_until_it_is_removed(store: Store, tmp_path: Path) -> None:
    write(store, 1, 1, is_new=True)
    write(store, 2, 2, is_new=True)
    for seq in range(3, 11):
        write(store, 2, seq)
    assert kept(tmp_path) == list(range(1, 11))
    assert EventReader(tmp_path).pruned() == (0, 0)
    write(store, 2, 11, kind="removed", removes=True)
    assert kept(tmp_path) == [1, 8, 9, 10, 11]
    assert EventReader(tmp_path).pruned() == (0, 7)
    write(store, 3, 12, is_new=True)
    assert kept(tmp_path) == [1, 9, 10, 11, 12]
    assert EventReader(tmp_path).pruned() == (0, 8)
    store.close()


def test_progress_pushes_out_nothing_but_progress(store: Store, tmp_path: Path) -> None:
    write(store, 1, 1, is_new=True)
    for seq in range(2, 30):
        write(store, 1, seq, kind="progress")
    assert kept(tmp_path) == [1, 27, 28, 29]
    assert EventReader(tmp_path).pruned() == (0, 0)  # no cursor has expired
    assert store.last_seq() == 29
    store.close()
    again = Store(tmp_path)
    assert again.last_seq() == 29
    again.close()


def test_the_horizon_outlives_a_restart_and_never_sinks(store: Store, tmp_path: Path) -> None:
    write(store, 1, 1, is_new=True)
    write(store, 1, 2, kind="removed", removes=True)
    for seq in range(3, 9):
        write(store, 2, seq, is_new=seq == 3)
    assert EventReader(tmp_path).pruned() == (0, 2)
    store.close()
    again = Store(tmp_path)
    write(again, 2, 9)
    assert EventReader(tmp_path).pruned() == (0, 2)
    again.lose_events(500)
    assert EventReader(tmp_path).pruned() == (500, 500)
    again.close()


def test_a_damaged_event_is_pruned_and_ends_no_pruning(store: Store, tmp_path: Path) -> None:
    write(store, 1, 1, is_new=True)
    write(store, 1, 2)
    database = sqlite3.connect(tmp_path / STORE_NAME)
    database.execute("UPDATE events SET event = 'x' || event WHERE seq = 2")
    database.commit()
    database.close()
    for seq in range(3, 10):
        write(store, 1, seq)
    assert kept(tmp_path) == [1, *range(3, 10)]
    store.close()


def test_a_daemon_that_is_often_restarted_prunes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "PRUNE_EVERY", 10)
    monkeypatch.setattr(pruning, "FIRST_PRUNE", 2)
    for start in range(6):
        store = Store(tmp_path)
        for seq in range(1 + start * 2, 3 + start * 2):
            write(store, 1, seq, kind="progress", is_new=seq == 1)
        store.close()
    assert len(kept(tmp_path)) <= 5
