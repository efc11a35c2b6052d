"""Opens the store, and mends it when it is damaged.

A damaged store is set aside under a name of its own, never overwritten, and the newest good snapshot takes its place,
with what is still whole of the damaged one. A store that is empty or missing where there was one is damaged too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from luziad.errors import EnvironmentsDamagedError, StorageError, StoreDamagedError
from luziad.jobs.ids import JOB_ID
from luziad.store import opening, repair, snapshots
from luziad.store.opening import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.repair import Mending
from luziad.store.rescue import give_up_removed, rescue
from luziad.store.sqlite import Store

SEQ_GAP = 10_000_000
"""Events after the snapshot are gone; the next seq leaves this gap, so that none is used twice."""

T = TypeVar("T")


class Opened(NamedTuple, Generic[T]):
    """An open store and what `load` made of it. `least_seq` is above 0 when it was mended: go on from there.

    The mending is over when `mending.finish` is called, once the jobs of the directories are committed.
    """

    store: Store
    loaded: T
    notices: list[str]
    least_seq: int


def open_store(state_dir: Path, jobs_dir: Path, load: Callable[[Store], T]) -> Opened[T]:
    """Open the store and load it, mending what is damaged; the notices tell the operator.

    load: reads all jobs, and raises StoreDamagedError when it cannot. Raises StoreTooNewError, StorageError, OSError.
    """
    mended = repair.under_way(state_dir)
    if mended is not None:
        mended.resume(state_dir)
    if mended is None or (state_dir / STORE_NAME).exists():
        try:
            _must_be_there(state_dir, jobs_dir)
            return _open(state_dir, load, mended)
        except StoreDamagedError as exc:
            mended = mended or Mending()
            notice = f"the job store was damaged ({exc}); what there is of it was set aside as {{aside}}"
            mended.move(state_dir, "damaged", notice)
    wanted = [Path(mended.wanted)] if mended.wanted else []
    for snapshot in [*wanted, *snapshots.newest_first(state_dir)]:
        try:
            _replace(state_dir, snapshot, mended)
            return _open(state_dir, load, mended)
        except (sqlite3.DatabaseError, StoreDamagedError) as exc:
            if isinstance(exc, sqlite3.DatabaseError) and not opening.is_damage(exc):
                raise StorageError(f"{snapshot} cannot be restored now: {exc}") from exc
            mended.note(state_dir, f"the snapshot {snapshot} is damaged as well ({exc})")
            repair.set_aside(state_dir, STORE_NAME, repair.new_aside(state_dir, "damaged"))
    _replace(state_dir, None, mended)
    return _open(state_dir, load, mended)


def restore(state_dir: Path, jobs_dir: Path, snapshot: Path, load: Callable[[Store], T]) -> list[str]:
    """Put a snapshot into the store's place, with what the store knows since; returns what to tell the operator.

    The store is set aside, never deleted. Only for a state directory whose lock is held.
    Raises StoreDamagedError and StoreTooNewError for what cannot be restored, and nothing is changed then;
    StorageError, OSError.
    """
    trial = opening.begin_file(state_dir / "trial.db")
    try:
        opening.copy(snapshot, trial)
        _finish_copy(trial, [])
    except sqlite3.DatabaseError as exc:
        raise opening.unreadable(StoreDamagedError, snapshot, exc) from exc
    finally:
        opening.begin_file(state_dir / "trial.db").unlink()
    mended = repair.under_way(state_dir) or Mending()
    mended.wanted = str(snapshot)
    mended.move(state_dir, "replaced", f"{snapshot.name} was asked for; the store before it was set aside as {{aside}}")
    opened = open_store(state_dir, jobs_dir, load)
    opened.store.close()
    return opened.notices


def _must_be_there(state_dir: Path, jobs_dir: Path) -> None:
    """Raise StoreDamagedError when there was a store, by all signs, and there is none, or nothing in it."""
    path = state_dir / STORE_NAME
    if path.exists():
        if not path.stat().st_size:
            raise StoreDamagedError(f"{path} is empty")
        return
    signs = [state_dir / ENVIRONMENTS_NAME, state_dir / f"{STORE_NAME}-wal", *snapshots.newest_first(state_dir)]
    if any(sign.exists() for sign in signs) or any(JOB_ID.fullmatch(entry.name) for entry in jobs_dir.iterdir()):
        raise StoreDamagedError(f"{path} is missing")


def _replace(state_dir: Path, snapshot: Path | None, mended: Mending) -> None:
    """Make a store of a snapshot, or an empty one, and of what can be read of the damaged ones.

    Raises StoreDamagedError, sqlite3.DatabaseError for a snapshot that is damaged or cannot be read now.
    """
    path = state_dir / STORE_NAME
    unfinished = opening.begin_file(path)
    if snapshot is None:
        opening.build(unfinished)
        origin = "there was no good snapshot"
    else:
        opening.copy(snapshot, unfinished)
        origin = f"the snapshot {snapshot.name} was restored"
    rescued = _finish_copy(unfinished, mended.asides)
    if mended.wanted:
        give_up_removed(unfinished, Path(mended.moving))
    more = f"{rescued} newer jobs were read from the one that was set aside, others" if rescued else "newer jobs"
    mended.note(state_dir, f"{origin}; {more} come from their directories")
    opening.finish_file(unfinished, path)


def _finish_copy(unfinished: Path, asides: list[str]) -> int:
    """Check the jobs of a copy, and put into it what can be read of other stores; returns how many jobs that were."""
    database = sqlite3.connect(unfinished, isolation_level=None)
    try:
        opening.bring_up_to_date(database, unfinished)
        return sum(rescue(Path(aside), database) for aside in asides)
    finally:
        database.close()


def _open(state_dir: Path, load: Callable[[Store], T], mended: Mending | None) -> Opened[T]:
    notices: list[str] = []
    try:
        store, loaded = _open_and_load(state_dir, load)
    except EnvironmentsDamagedError as exc:
        aside = repair.new_aside(state_dir, "damaged")
        repair.set_aside(state_dir, ENVIRONMENTS_NAME, aside)
        notice = f"the variables of jobs were damaged ({exc}) and set aside as {aside}; dispatch such jobs again"
        repair.log.warning("store_mended %s", notice)
        notices.append(notice)
        store, loaded = _open_and_load(state_dir, load)
    notices += store.notices
    if mended is None:
        return Opened(store, loaded, notices, 0)
    least_seq = max(store.last_seq(), store.last_seq_of_jobs()) + SEQ_GAP
    return Opened(store, loaded, mended.notices + notices, least_seq)


def _open_and_load(state_dir: Path, load: Callable[[Store], T]) -> tuple[Store, T]:
    store = Store(state_dir)
    try:
        return store, load(store)
    except BaseException:
        store.close()
        raise
