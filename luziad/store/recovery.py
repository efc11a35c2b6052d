"""Opens the store, and repairs it when it is damaged.

A damaged store is set aside in a directory, never overwritten. The newest good snapshot replaces it, together with the
intact jobs of the damaged store. A store that is empty, or missing although there was one, counts as damaged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from luziad.errors import EnvironmentsDamagedError, StorageError, StoreDamagedError
from luziad.jobs.ids import JOB_ID
from luziad.store import files, opening, repair, snapshots
from luziad.store.files import ENVIRONMENTS_NAME, STORE_NAME
from luziad.store.repair import Repair
from luziad.store.rescue import mark_removed_lost, rescue
from luziad.store.sqlite import Store

SEQ_GAP = 10_000_000
"""Events after the snapshot are lost; the next seq leaves this gap, so that no seq is used twice."""

T = TypeVar("T")


class OpenedStore(NamedTuple, Generic[T]):
    """An open store and the result of `load`.

    least_seq: above 0 after a repair, which is the seq to continue from. Call `repair.finish` once the jobs from the
    directories are committed.
    """

    store: Store
    loaded: T
    notices: list[str]
    least_seq: int


def open_store(state_dir: Path, jobs_dir: Path, load: Callable[[Store], T]) -> OpenedStore[T]:
    """Open the store and load it, and repair it if it is damaged; the notices are for the operator.

    load: reads all jobs, and raises StoreDamagedError when it cannot. Raises StoreTooNewError, StorageError, OSError.
    """
    current = repair.find_unfinished(state_dir)
    if current is not None:
        current.resume(state_dir)
    if current is None or (state_dir / STORE_NAME).exists():
        try:
            _check_present(state_dir, jobs_dir)
            return _open(state_dir, load, current)
        except StoreDamagedError as exc:
            current = current or Repair()
            notice = f"the job store was damaged ({exc}); it was set aside in {{aside}}"
            current.move(state_dir, "damaged", notice)
    restored = [Path(current.snapshot)] if current.snapshot else []
    for snapshot in [*restored, *snapshots.newest_first(state_dir)]:
        try:
            _rebuild(state_dir, snapshot, current)
            return _open(state_dir, load, current)
        except (sqlite3.DatabaseError, StoreDamagedError) as exc:
            if isinstance(exc, sqlite3.DatabaseError) and not opening.is_damage(exc):
                raise StorageError(f"{snapshot} cannot be restored now: {exc}") from exc
            current.note(state_dir, f"the snapshot {snapshot} is damaged too ({exc})")
            repair.set_aside(state_dir, STORE_NAME, repair.new_directory(state_dir, "damaged"))
    _rebuild(state_dir, None, current)
    return _open(state_dir, load, current)


def restore(state_dir: Path, jobs_dir: Path, snapshot: Path, load: Callable[[Store], T]) -> list[str]:
    """Replace the store by a snapshot and the newer jobs of the store; return notices for the operator.

    The store is set aside, never deleted. The lock of the state directory must be held.
    Raises StoreDamagedError or StoreTooNewError, with nothing changed, when the snapshot cannot be restored;
    StorageError, OSError.
    """
    trial = files.begin_file(state_dir / "trial.db")
    try:
        opening.copy(snapshot, trial)
        _complete_copy(trial, [])
    except sqlite3.DatabaseError as exc:
        raise opening.translate_error(StoreDamagedError, snapshot, exc) from exc
    finally:
        files.begin_file(state_dir / "trial.db").unlink()
    current = repair.find_unfinished(state_dir) or Repair()
    current.snapshot = str(snapshot)
    current.move(state_dir, "replaced", f"restoring {snapshot.name}; the previous store was set aside in {{aside}}")
    opened = open_store(state_dir, jobs_dir, load)
    opened.store.close()
    return opened.notices


def _check_present(state_dir: Path, jobs_dir: Path) -> None:
    """Raise StoreDamagedError when the store is empty, or missing although other files show that there was one."""
    path = state_dir / STORE_NAME
    if path.exists():
        if not path.stat().st_size:
            raise StoreDamagedError(f"{path} is empty")
        return
    traces = [state_dir / ENVIRONMENTS_NAME, state_dir / f"{STORE_NAME}-wal", *snapshots.newest_first(state_dir)]
    if any(file.exists() for file in traces) or any(JOB_ID.fullmatch(entry.name) for entry in jobs_dir.iterdir()):
        raise StoreDamagedError(f"{path} is missing")


def _rebuild(state_dir: Path, snapshot: Path | None, current: Repair) -> None:
    """Build a store from a snapshot, or an empty one, and the intact jobs of the stores that were set aside.

    Raises StoreDamagedError, sqlite3.DatabaseError when the snapshot is damaged or cannot be read now.
    """
    path = state_dir / STORE_NAME
    unfinished = files.begin_file(path)
    if snapshot is None:
        opening.write_schema(unfinished)
        origin = "no good snapshot was found"
    else:
        opening.copy(snapshot, unfinished)
        origin = f"the snapshot {snapshot.name} was restored"
    rescued = _complete_copy(unfinished, current.old_stores)
    if current.snapshot:
        mark_removed_lost(unfinished, Path(current.newest_old_store))
    newer = (
        f"{rescued} newer {'job was' if rescued == 1 else 'jobs were'} read from the old store, others"
        if rescued
        else "newer jobs"
    )
    current.note(state_dir, f"{origin}; {newer} are read from their directories")
    files.finish_file(unfinished, path)


def _complete_copy(unfinished: Path, old_stores: list[str]) -> int:
    """Check the jobs of a copy, and add the newer jobs of other stores; return how many those are."""
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as database:
        opening.migrate_copy(database, unfinished)
        return sum(rescue(Path(directory), database) for directory in old_stores)


def _open(state_dir: Path, load: Callable[[Store], T], current: Repair | None) -> OpenedStore[T]:
    notices: list[str] = []
    try:
        store, loaded = _open_and_load(state_dir, load)
    except EnvironmentsDamagedError as exc:
        aside = repair.new_directory(state_dir, "damaged")
        repair.set_aside(state_dir, ENVIRONMENTS_NAME, aside)
        notice = f"the variables of jobs were damaged ({exc}) and set aside in {aside}; dispatch these jobs again"
        repair.log.warning("store_repaired %s", notice)
        notices.append(notice)
        store, loaded = _open_and_load(state_dir, load)
    notices += store.notices
    if current is None:
        return OpenedStore(store, loaded, notices, 0)
    least_seq = max(store.last_seq(), store.last_seq_of_jobs()) + SEQ_GAP
    return OpenedStore(store, loaded, current.notices + notices, least_seq)


def _open_and_load(state_dir: Path, load: Callable[[Store], T]) -> tuple[Store, T]:
    store = Store(state_dir)
    try:
        return store, load(store)
    except BaseException:
        store.close()
        raise
