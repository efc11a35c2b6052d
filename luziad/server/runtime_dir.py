"""The daemon's files at run time: its runtime directory, its locks and its socket."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luzia_protocol.environment import SYSTEM_RUNTIME_DIR

from luziad.errors import StartupError
from luziad.server.admission import group_id, user_name

BACKLOG = 1024


def prepare_runtime_dir(path: str) -> None:
    """Create the directory, or check that no other user can write to it. Raises StartupError."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            found = os.lstat(path)
            if not stat.S_ISDIR(found.st_mode):
                raise StartupError(f"{path} is not a directory: remove it, or set LUZIA_RUNTIME_DIR") from None
            if found.st_uid != os.geteuid():
                owner = user_name(found.st_uid)
                raise StartupError(
                    f"{path} belongs to user {owner}: set LUZIA_RUNTIME_DIR to a directory of your own"
                ) from None
            if path != SYSTEM_RUNTIME_DIR and stat.S_IMODE(found.st_mode) & 0o077:
                os.chmod(path, 0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            raise StartupError(f"{path} is not writable: correct its mode, or set LUZIA_RUNTIME_DIR")
    except OSError as exc:
        raise StartupError(f"the runtime directory {path} cannot be used: {exc.strerror}") from exc


@contextmanager
def lock(directory: str) -> Iterator[None]:
    """Hold the lock that makes this the only daemon of a runtime or state directory. Raises StartupError."""
    path = os.path.join(directory, "luziad.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StartupError(
            f"already running: luziad (pid {pid}) uses {directory}; stop it with `luzia daemon stop`"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    try:
        yield
    finally:
        os.close(descriptor)


def bind(path: str) -> socket.socket:
    """The listening socket, which replaces one of a daemon that died. Hold the lock. Raises StartupError."""
    if len(os.fsencode(path)) > 107:
        raise StartupError(f"the socket path {path} is longer than 107 bytes: set LUZIA_SOCKET to a shorter one")
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise StartupError(f"{path} is not a socket: remove it, or set LUZIA_SOCKET")
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            listening.bind(path)
        finally:
            os.umask(before)
        _share_with_group(path)
        listening.listen(BACKLOG)
    except OSError as exc:
        listening.close()
        raise StartupError(f"cannot listen on {path}: {exc.strerror}") from exc
    listening.setblocking(False)
    return listening


def unbind(path: str) -> None:
    """Remove the socket at a clean end. After a crash, `bind` replaces it."""
    if os.path.lexists(path):
        os.unlink(path)


def is_system(runtime_dir: str) -> bool:
    """True for the runtime directory of the system service."""
    return Path(runtime_dir) == Path(SYSTEM_RUNTIME_DIR)


def _share_with_group(path: str) -> None:
    """Open the system service's socket to the group luzia, if that exists."""
    group = group_id()
    if group is not None and is_system(os.path.dirname(path)):
        os.chown(path, -1, group)
        os.chmod(path, 0o660)
