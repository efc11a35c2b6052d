"""Watches files grow, without polling: one inotify instance for all followers.

asyncinotify is a small, maintained binding of inotify(7) to asyncio; the standard library has none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from asyncinotify import Inotify, Mask, Watch

Callback = Callable[[], None]


class FileWatcher:
    """Calls back when a file was written to. The inotify instance is created for the first watch."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self._task: asyncio.Task[None] | None = None
        self._watches: dict[str, tuple[Watch, list[Callback]]] = {}

    def watch(self, path: str, callback: Callback) -> Callable[[], None]:
        """Call back at every write to the file. Returns a function that stops this. Raises OSError."""
        if path not in self._watches:
            if self._inotify is None:
                self._inotify = Inotify()
                self._task = asyncio.get_running_loop().create_task(self._read(self._inotify))
            self._watches[path] = (self._inotify.add_watch(path, Mask.MODIFY), [])
        self._watches[path][1].append(callback)
        return lambda: self._unwatch(path, callback)

    async def close(self) -> None:
        """Stop watching all files."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._inotify is not None:
            self._inotify.close()
        self._inotify = self._task = None
        self._watches.clear()

    def _unwatch(self, path: str, callback: Callback) -> None:
        entry = self._watches.get(path)
        if entry is None or callback not in entry[1]:
            return
        entry[1].remove(callback)
        if not entry[1]:
            del self._watches[path]
            if self._inotify is not None:
                # The kernel removes the watch itself when the file is deleted.
                with contextlib.suppress(OSError):
                    self._inotify.rm_watch(entry[0])

    async def _read(self, inotify: Inotify) -> None:
        async for event in inotify:
            path = event.path
            entry = self._watches.get(str(path)) if isinstance(path, Path) else None
            for callback in list(entry[1]) if entry else ():
                callback()
