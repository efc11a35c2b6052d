"""Takes snapshots of the store: at an interval while it changes, and none while it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from luziad.errors import StorageError
from luziad.journal.journal import Journal
from luziad.store import snapshots

log = logging.getLogger("luziad.snapshotting")


class SnapshotTimer:
    """Starts a timer at the first change after a snapshot. `on_snapshot` is called with the file of each."""

    def __init__(
        self,
        journal: Journal,
        state_dir: Path,
        interval_s: float,
        files: ThreadPoolExecutor,
        on_snapshot: Callable[[str], None],
    ) -> None:
        self._state_dir = state_dir
        self._interval_s = interval_s
        self._files = files
        self._on_snapshot = on_snapshot
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._unsubscribe = journal.subscribe(lambda _: self._start_timer())

    async def close(self) -> None:
        """Stop. A snapshot in progress is finished first."""
        self._unsubscribe()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._take())

    async def _take(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            file = await loop.run_in_executor(self._files, snapshots.take, self._state_dir)
        except StorageError as exc:
            log.error("snapshot_failed error=%s", exc)
            if not self._closed:
                self._start_timer()  # the changes are still in no snapshot
        else:
            log.info("snapshot_taken file=%s", file)
            self._on_snapshot(str(file))
