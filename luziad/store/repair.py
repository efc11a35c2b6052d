"""A repair of the store in progress. It is recorded before anything is moved, so that a crash only delays it.

The record is deleted when the jobs from the directories are committed. Until then every start continues the repair and
repeats its notices.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
from msgspec import field

from luziad.store.files import SIDE_SUFFIXES, STORE_NAME, begin_file, finish_file, sync, timestamp

log = logging.getLogger("luziad.recovery")

MARK_NAME = "mending.json"


class Repair(msgspec.Struct):
    """The record of a repair, with the field names that are on disk.

    notices: the steps so far, as text. old_stores: directories with stores that may have newer jobs.
    newest_old_store: the one to which the store is being moved, or was moved last.
    snapshot: the one that the operator restores.
    """

    notices: list[str] = []
    old_stores: list[str] = field(default_factory=list, name="asides")
    newest_old_store: str = field(default="", name="moving")
    snapshot: str = field(default="", name="wanted")

    def move(self, state_dir: Path, prefix: str, notice: str) -> None:
        """Set the store aside; `{aside}` in the notice is replaced by its new place. Raises OSError."""
        self.newest_old_store = str(new_directory(state_dir, prefix))
        self.old_stores.append(self.newest_old_store)
        self.note(state_dir, notice.replace("{aside}", self.newest_old_store))
        set_aside(state_dir, STORE_NAME, Path(self.newest_old_store))

    def resume(self, state_dir: Path) -> None:
        """Finish a move that a crash has interrupted. Raises OSError."""
        replaced = self.snapshot and not (Path(self.newest_old_store) / STORE_NAME).exists()
        if self.newest_old_store and (replaced or not (state_dir / STORE_NAME).exists()):
            set_aside(state_dir, STORE_NAME, Path(self.newest_old_store))

    def note(self, state_dir: Path, notice: str) -> None:
        """Record a step, durably. Raises OSError."""
        log.warning("store_repaired %s", notice)
        self.notices.append(notice)
        file = state_dir / MARK_NAME
        unfinished = begin_file(file)
        unfinished.write_bytes(msgspec.json.encode(self))
        finish_file(unfinished, file)


def find_unfinished(state_dir: Path) -> Repair | None:
    """The repair that has not been finished, None when there is none."""
    try:
        return msgspec.json.decode((state_dir / MARK_NAME).read_bytes(), type=Repair)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return Repair([f"a repair of the job store was interrupted, and {MARK_NAME} cannot be read"])


def finish(state_dir: Path) -> None:
    """End the repair: everything that it has found is committed."""
    try:
        (state_dir / MARK_NAME).unlink(missing_ok=True)
        sync(state_dir)
    except OSError as exc:
        log.error("repair_not_finished error=%s", exc)  # the next start continues it


def set_aside(state_dir: Path, name: str, directory: Path) -> None:
    """Move a database with its side files into a directory, which is created."""
    paths = [state_dir / (name + suffix) for suffix in ("", *SIDE_SUFFIXES)]
    existing = [path for path in paths if path.exists()]
    if existing:
        directory.mkdir(mode=0o700, exist_ok=True)
        for path in existing:
            path.rename(directory / path.name)
        sync(directory)
        sync(state_dir)


def new_directory(state_dir: Path, prefix: str) -> Path:
    """The name of a new directory for files that are set aside."""
    return state_dir / f"{prefix}-{timestamp()}"
