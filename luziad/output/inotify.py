"""Watches files grow: one inotify instance for all followers, and a timer while the system has none to give.

asyncinotify is a small, maintained binding of inotify(7) to asyncio; the standard library has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable

from asyncinotify import Inotify, Mask, Watch

Callback = Callable[[], None]

POLL_S = 1.0
"""The interval of the timer."""

_SYSCTLS = {errno.EMFILE: "fs.inotify.max_user_instances", errno.ENOSPC: "fs.inotify.max_user_watches"}


class _Watched:
    """A file that is watched. watch: None while the timer stands in for it."""

    __slots__ = ("callbacks", "watch")

    def __init__(self, watch: Watch | None) -> None:
        self.watch = watch
        self.callbacks: list[Callback] = []


class FileWatcher:
    """Calls back when a file, or a file in a directory, was written to; or may have been, while a timer stands in.

    The inotify instance is created for the first watch. problem: why a timer stands in, and what to do.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self._inotify: Inotify | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watched: dict[str, _Watched] = {}

    def watch(self, path: str, callback: Callback) -> Callable[[], None]:
        """Call back at every write to the file. Returns a function that stops this. Raises OSError."""
        if path not in self._watched:
            self._watched[path] = _Watched(self._add_watch(path))
        watched = self._watched[path]
        watched.callbacks.append(callback)
        if watched.watch is None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(POLL_S, self._poll)
        return lambda: self._unwatch(path, callback)

    async def close(self) -> None:
        """Stop watching all files."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._inotify is not None:
            self._inotify.close()
        self._inotify = self._task = self._timer = None
        self._watched.clear()

    def _add_watch(self, path: str) -> Watch | None:
        """Watch a file by inotify; None when the limit of a resource of it is reached. Raises OSError."""
        try:
            if self._inotify is None:
                self._inotify = Inotify()
                self._task = asyncio.get_running_loop().create_task(self._read(self._inotify))
            watch = self._inotify.add_watch(path, Mask.MODIFY | Mask.CREATE | Mask.DONT_FOLLOW)
        except OSError as exc:
            if exc.errno not in _SYSCTLS:
                raise
            os.lstat(path)  # a file that does not exist is an error either way
            sysctl = _SYSCTLS[exc.errno]
            self.problem = (
                f"{sysctl} is used up, so output is read once a second, not when it is written: raise the limit with"
                f" `sysctl -w {sysctl}=N`"
            )
            return None
        self.problem = None
        return watch

    def _poll(self) -> None:
        """Call back for each file that has no watch, and try to give it one."""
        self._timer = None
        for path, watched in list(self._watched.items()):
            if watched.watch is not None:
                continue
            with contextlib.suppress(OSError):  # the file was deleted, which its reader will notice
                watched.watch = self._add_watch(path)
            self._call_back(path)
        if any(watched.watch is None for watched in self._watched.values()):
            self._timer = asyncio.get_running_loop().call_later(POLL_S, self._poll)

    def _unwatch(self, path: str, callback: Callback) -> None:
        watched = self._watched.get(path)
        if watched is None or callback not in watched.callbacks:
            return
        watched.callbacks.remove(callback)
        if not watched.callbacks:
            del self._watched[path]
            if self._inotify is not None and watched.watch is not None:
                # The kernel removes the watch itself when the file is deleted.
                with contextlib.suppress(OSError):
                    self._inotify.rm_watch(watched.watch)

    async def _read(self, inotify: Inotify) -> None:
        async for event in inotify:
            if Mask.Q_OVERFLOW in event.mask:  # events are lost: any of the files may have grown
                for path in list(self._watched):
                    self._call_back(path)
            elif event.watch is not None:
                self._call_back(str(event.watch.path))

    def _call_back(self, path: str) -> None:
        watched = self._watched.get(path)
        for callback in list(watched.callbacks) if watched else ():
            callback()
