"""Waiting for what a shim writes, without polling."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asyncinotify import Inotify, Mask


async def changes(directory: str) -> AsyncIterator[None]:
    """Yield at once, and then after everything that is written to a file of the directory.

    Raises OSError when the directory cannot be watched.
    """
    with Inotify() as events:
        events.add_watch(directory, Mask.MODIFY | Mask.CREATE)
        yield
        async for _ in events:
            yield
