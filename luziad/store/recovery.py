"""Opens the store, and mends it when it is damaged.

A damaged store is set aside under a name of its own, never overwritten, and the newest good snapshot takes its
place. A store that is empty or missing beside snapshots or job directories is damaged too: there was one.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from luziad.errors import EnvironmentsDamagedError, StorageError, StoreDamagedError
from luziad.store import snapshots
from luziad.store.sqlite import ENVIRONMENTS_NAME, STORE_NAME, Store, is_damage

log = logging.getLogger("luziad.recovery")

SEQ_GAP = 1_000_000
"""Events after the snapshot are gone; the next seq leaves this gap, so that none is used twice."""

T = TypeVar("T")


class Opened(NamedTuple, Generic[T]):
    """An open store and what `load` made of it. `least_seq` is above 0 when it was mended: go on from there."""

    store: Store
    loaded: T
    notices: list[str]
    least_seq: int


def open_store(state_dir: Path, jobs_dir: Path, load: Callable[[Store], T]) -> Opened[T]:
    """Open the store and load it, mending what is damaged; the notices tell the operator.

    load: reads all jobs, and raises StoreDamagedError when it cannot. Raises StoreTooNewError, StorageError, OSError.
    """
    notices: list[str] = []
    try:
        _must_be_there(state_dir, jobs_dir)
        return Opened(*_open(state_dir, load, notices), notices, 0)
    except StoreDamagedError as exc:
        aside = _set_aside(state_dir, STORE_NAME)
        _note(notices, f"the job store was damaged ({exc}); it was set aside as {aside}")
    for snapshot in snapshots.newest_first(state_dir):
        try:
            snapshots.copy(snapshot, state_dir / STORE_NAME)
            store, loaded = _open(state_dir, load, notices)
        except (sqlite3.DatabaseError, StoreDamagedError) as exc:
            if isinstance(exc, sqlite3.DatabaseError) and not is_damage(exc):
                raise StorageError(f"{snapshot} cannot be restored now: {exc}") from exc
            _note(notices, f"the snapshot {snapshot} is damaged as well ({exc})")
            _set_aside(state_dir, STORE_NAME)
            continue
        _note(notices, f"the snapshot {snapshot.name} was restored; newer jobs come from their directories")
        return Opened(store, loaded, notices, store.last_seq() + SEQ_GAP)
    _note(notices, "there was no good snapshot; jobs come from their directories only")
    return Opened(*_open(state_dir, load, notices), notices, SEQ_GAP)


def _must_be_there(state_dir: Path, jobs_dir: Path) -> None:
    """Raise StoreDamagedError when there was a store, by all signs, and there is none, or nothing in it."""
    path = state_dir / STORE_NAME
    if path.exists() and path.stat().st_size:
        return
    if snapshots.newest_first(state_dir) or any(jobs_dir.glob("*/status.json")):
        raise StoreDamagedError(f"{path} is {'empty' if path.exists() else 'missing'}")


def _open(state_dir: Path, load: Callable[[Store], T], notices: list[str]) -> tuple[Store, T]:
    try:
        return _open_and_load(state_dir, load)
    except EnvironmentsDamagedError as exc:
        aside = _set_aside(state_dir, ENVIRONMENTS_NAME)
        _note(notices, f"the variables of jobs were damaged ({exc}) and set aside as {aside}; dispatch such jobs again")
        return _open_and_load(state_dir, load)


def _open_and_load(state_dir: Path, load: Callable[[Store], T]) -> tuple[Store, T]:
    store = Store(state_dir)
    try:
        return store, load(store)
    except BaseException:
        store.close()
        raise


def _set_aside(state_dir: Path, name: str) -> Path:
    """Move a database with its side files into a new directory and return that."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = state_dir / f"damaged-{stamp}-{os.getpid()}-{time.monotonic_ns()}"
    aside.mkdir(mode=0o700)
    for suffix in ("", "-wal", "-shm"):
        file = state_dir / (name + suffix)
        if file.exists():
            file.rename(aside / file.name)
    return aside


def _note(notices: list[str], notice: str) -> None:
    log.warning("store_mended %s", notice)
    notices.append(notice)
