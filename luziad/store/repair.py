"""A mending of the store that is under way: written down before anything is moved, so that a crash only delays it.

The mark is taken away when the jobs that came from their directories are committed. Until then every start goes on
with the mending, and tells its notices again.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from luziad.store.opening import SIDE_FILES, STORE_NAME, begin_file, finish_file, stamp, sync

log = logging.getLogger("luziad.recovery")

MARK_NAME = "mending.json"


class Mending(msgspec.Struct):
    """notices: what was done, in words. asides: directories with stores that may hold newer jobs.

    moving: the one of them to which the store is being moved, or was moved last. wanted: the snapshot that an operator
    asked for.
    """

    notices: list[str] = []
    asides: list[str] = []
    moving: str = ""
    wanted: str = ""

    def move(self, state_dir: Path, why: str, notice: str) -> None:
        """Set the store aside; `{aside}` in the notice becomes its new place. Raises OSError."""
        self.moving = str(new_aside(state_dir, why))
        self.asides.append(self.moving)
        self.note(state_dir, notice.replace("{aside}", self.moving))
        set_aside(state_dir, STORE_NAME, Path(self.moving))

    def resume(self, state_dir: Path) -> None:
        """Move what a crash has left in the store's place. Raises OSError."""
        replaced = self.wanted and not (Path(self.moving) / STORE_NAME).exists()
        if self.moving and (replaced or not (state_dir / STORE_NAME).exists()):
            set_aside(state_dir, STORE_NAME, Path(self.moving))

    def note(self, state_dir: Path, notice: str) -> None:
        """Take note of a step, durably. Raises OSError."""
        log.warning("store_mended %s", notice)
        self.notices.append(notice)
        file = state_dir / MARK_NAME
        unfinished = begin_file(file)
        unfinished.write_bytes(msgspec.json.encode(self))
        finish_file(unfinished, file)


def under_way(state_dir: Path) -> Mending | None:
    """The mending that a crash cut short, None when there is none."""
    try:
        return msgspec.json.decode((state_dir / MARK_NAME).read_bytes(), type=Mending)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return Mending([f"the job store was being mended, and {MARK_NAME} does not say how"])


def finish(state_dir: Path) -> None:
    """Everything that a mending found is committed."""
    try:
        (state_dir / MARK_NAME).unlink(missing_ok=True)
        sync(state_dir)
    except OSError as exc:
        log.error("mending_not_finished error=%s", exc)  # the next start goes on with it


def set_aside(state_dir: Path, name: str, aside: Path) -> None:
    """Move a database with its side files into a directory, which is made for it."""
    files = [state_dir / (name + suffix) for suffix in ("", *SIDE_FILES)]
    there = [file for file in files if file.exists()]
    if there:
        aside.mkdir(mode=0o700, exist_ok=True)
        for file in there:
            file.rename(aside / file.name)
        sync(aside)
        sync(state_dir)


def new_aside(state_dir: Path, why: str) -> Path:
    """The name of a new directory for what is set aside."""
    return state_dir / f"{why}-{stamp()}"
