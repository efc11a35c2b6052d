"""Keeps the daemon findable: listens again when its socket or a directory above it is deleted, moved or replaced.

inotify(7) reports that. Deleting a directory is many steps, so the daemon waits a moment before it acts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import PurePath

from asyncinotify import Inotify, Mask

from luziad.errors import StartupError
from luziad.server.listener import Listener
from luziad.server.runtime_dir import DirectoryLock, bind, is_in_use, prepare_directory, prepare_runtime_dir

log = logging.getLogger("luziad.presence")

SETTLE_S = 0.1
"""Between a change and the reaction to it."""
CHECK_S = 10.0
"""Between two checks when the kernel cannot report changes: all inotify instances are in use."""
RETRY_S = (1.0, 30.0)
"""The first and the longest delay before another try to listen."""

_EVENTS_BYTES = 64 * 1024
_IN_DIRECTORY = Mask.DELETE | Mask.MOVED_FROM | Mask.MOVED_TO
_OF_DIRECTORY = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT


class Presence:
    """The listening socket and the locks of the daemon.

    path: of the socket. runtime_lock, state_lock: held. listener: accepts connections on the socket.
    """

    def __init__(self, path: str, runtime_lock: DirectoryLock, state_lock: DirectoryLock, listener: Listener) -> None:
        self._path = path
        self._runtime_lock = runtime_lock
        self._state_lock = state_lock
        self._listener = listener
        self._socket: socket.socket
        self._identity: tuple[int, int] | None = None
        self._is_activated = False
        self._inotify: Inotify | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._retry_s = RETRY_S[0]

    def listen(self, activated: socket.socket | None) -> None:
        """Listen on the socket, or on the one that systemd has passed. Raises StartupError."""
        self._is_activated = activated is not None
        self._socket = activated or bind(self._path, is_systemds=self._runtime_lock.was_activated)
        self._runtime_lock.record_socket(is_activated=self._is_activated)
        self._identity = _identity(self._path)

    def start(self) -> None:
        """Accept connections, and watch the socket."""
        self._listener.start(self._socket)
        self._watch()
        self._check()

    def close(self) -> None:
        """Accept no more connections, and remove the socket unless it is systemd's, or another one by now.

        Another one can have the same number on a disk, but not be dead when this one is closed.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._unwatch()
        self._listener.close()
        self._socket.close()
        if not self._is_activated and self._is_listening_here() and not is_in_use(self._path):
            os.unlink(self._path)

    def _check(self) -> None:
        """Restore what is missing; after a failure, try again later."""
        self._timer = None
        try:
            while not self._is_in_place():
                self._restore()
                self._watch()  # before the next check, so that no change is missed
        except (StartupError, OSError) as exc:
            log.error("not_listening socket=%s retry_s=%.0f error=%s", self._path, self._retry_s, exc)
            self._check_in(self._retry_s)
            self._retry_s = min(self._retry_s * 2, RETRY_S[1])
            return
        self._retry_s = RETRY_S[0]
        if self._inotify is None:
            self._check_in(CHECK_S)

    def _check_in(self, delay_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._check)

    def _is_in_place(self) -> bool:
        return (
            self._is_listening_here()
            and self._runtime_lock.is_in_place()
            and (self._state_lock.is_in_place() or not os.path.isdir(self._state_lock.directory))
        )

    def _is_listening_here(self) -> bool:
        return self._identity is not None and _identity(self._path) == self._identity

    def _restore(self) -> None:
        """Create what is missing, except a deleted state directory. Raises StartupError, OSError."""
        if os.path.isdir(self._state_lock.directory):
            prepare_directory(self._state_lock.directory, "LUZIA_STATE_DIR")  # another user may have put it there
            self._state_lock.restore()
        prepare_runtime_dir(self._runtime_lock.directory)
        self._runtime_lock.restore()
        if self._is_listening_here():
            return
        listening = bind(self._path, is_systemds=self._is_activated)
        self._listener.start(listening)
        self._socket.close()
        self._socket, self._identity, self._is_activated = listening, _identity(self._path), False
        self._runtime_lock.record_socket(is_activated=False)
        log.warning("listening_again socket=%s", self._path)

    def _watch(self) -> None:
        """Watch the directories as they are now."""
        self._unwatch()
        try:
            self._inotify = Inotify()
        except OSError as exc:
            log.warning("socket_not_watched check_s=%.0f error=%s", CHECK_S, exc.strerror)
            return
        directories = {os.path.dirname(self._path), self._runtime_lock.directory, self._state_lock.directory}
        for directory in directories:
            with contextlib.suppress(OSError):  # it is missing, which the check reports
                self._inotify.add_watch(directory, _IN_DIRECTORY | _OF_DIRECTORY)
        for directory in _ancestors(directories):
            with contextlib.suppress(OSError):
                self._inotify.add_watch(directory, _OF_DIRECTORY)
        asyncio.get_running_loop().add_reader(self._inotify.fd, self._changed, self._inotify)

    def _unwatch(self) -> None:
        if self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.fd)
            self._inotify.close()
            self._inotify = None

    def _changed(self, inotify: Inotify) -> None:
        os.read(inotify.fd, _EVENTS_BYTES)  # what has happened does not matter: the check looks at what is there
        self._check_in(SETTLE_S)


def _identity(path: str) -> tuple[int, int] | None:
    """What tells the socket from another one at the same path; None when there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _ancestors(directories: set[str]) -> Iterator[str]:
    """The directories above these."""
    yield from {str(parent) for each in directories for parent in PurePath(each).parents} - directories
