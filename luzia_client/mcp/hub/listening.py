"""The socket of the hub: one hub listens on it, however many start at the same time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from luzia_protocol.regular_files import open_locked

from luzia_client.mcp.relay.meeting import connect

BACKLOG = 128
LOCK_TIMEOUT_S = 15.0
"""How long another process may take to become the hub."""


class Listener:
    """A socket that listens at a path of the file system. Raises OSError if it cannot."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self.socket.bind(path)
            self._inode = os.stat(path).st_ino
        except BaseException:
            self.socket.close()
            raise
        finally:
            os.umask(mask)
        self.socket.listen(BACKLOG)
        self.is_met = True
        """Whether relays find it."""

    def leave(self) -> None:
        """Remove the path, for another hub, unless one has it by now. Who is connected stays so."""
        if self.is_met:
            self.is_met = False
            with _alone(self.path), suppress(FileNotFoundError):
                if os.stat(self.path).st_ino == self._inode:
                    os.unlink(self.path)


def listen(path: str) -> Listener | None:
    """A listener at a path; None if another hub listens there. Raises OSError."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with _alone(path):
        if (other := connect(path)) is not None:
            other.close()
            return None
        with suppress(FileNotFoundError):
            os.unlink(path)
        return Listener(path)


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Only one process at a time looks for a hub and becomes one."""
    lock = open_locked(os.path.join(os.path.dirname(path), "mcp.lock"), LOCK_TIMEOUT_S)
    try:
        yield
    finally:
        os.close(lock)
