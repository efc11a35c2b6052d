"""Past events, read from the store a page at a time, off the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from luziad.store.sqlite import EventReader, PrunedEvents

PAGE = 500


class History:
    """Pages of past events. `reader` is used on the thread of `files` only."""

    def __init__(self, reader: EventReader, files: ThreadPoolExecutor) -> None:
        self._reader = reader
        self._files = files

    async def page_after(self, seq: int) -> list[tuple[int, str]]:
        """At most PAGE events after `seq`, as (seq, JSON); empty at the end. Raises StorageError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._files, self._reader.after, seq, PAGE)

    async def pruned(self) -> PrunedEvents:
        """Which events are missing. Raises StorageError."""
        return await asyncio.get_running_loop().run_in_executor(self._files, self._reader.pruned)
