"""Takes snapshots of the store: every so often while it changes, never while nothing does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from luzia_protocol.events import Event

from luziad.errors import StorageError
from luziad.journal.journal import Journal
from luziad.store import snapshots

log = logging.getLogger("luziad.snapshotting")


class Snapshotting:
    """Arms a timer at the first change after a snapshot. `taken` is told the file of each."""

    def __init__(
        self,
        journal: Journal,
        state_dir: Path,
        interval_s: float,
        files: ThreadPoolExecutor,
        taken: Callable[[str], None],
    ) -> None:
        self._state_dir = state_dir
        self._interval_s = interval_s
        self._files = files
        self._taken = taken
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._unlisten = journal.listen(self._changed)

    async def close(self) -> None:
        """Take no more; one that is being taken is finished."""
        self._unlisten()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task

    def _changed(self, news: list[tuple[Event, bytes]]) -> None:
        self._arm()

    def _arm(self) -> None:
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
                self._arm()  # there is still something that no snapshot has
        else:
            log.info("snapshot_taken file=%s", file)
            self._taken(str(file))
