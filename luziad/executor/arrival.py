"""Waiting for a file without polling."""

from __future__ import annotations

import os

from asyncinotify import Inotify, Mask


async def appears(path: str) -> None:
    """Return when a file of this name has been moved into its directory; at once when it is there.

    Raises OSError when the directory cannot be watched.
    """
    with Inotify() as events:
        events.add_watch(os.path.dirname(path), Mask.MOVED_TO)
        while not os.path.lexists(path):  # noqa: ASYNC240 (the daemon's own directory, once an event)
            await events.get()
