"""The daemon's places: its directories, its locks and its socket."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

from luzia_protocol.environment import SYSTEM_RUNTIME_DIR

from luziad.errors import StartupError
from luziad.server.connection_limits import group_id, user_name

log = logging.getLogger("luziad.places")

BACKLOG = 1024
LOCK_NAME = "luziad.lock"
NO_SOCKET = "-"
"""In the lock of a process that is no daemon, such as one that restores a snapshot."""
ACTIVATED = b"activated\n"
_MAX_CONTENT_BYTES = 4096
CLIENTS_CHECK_S = 0.2
"""Clients that look for a daemon hold the lock for a moment; this is far longer."""


def prepare_runtime_dir(path: str) -> None:
    """Create the directory, or check that it is private. Raises StartupError."""
    prepare_directory(path, "LUZIA_RUNTIME_DIR", forbidden_mode=0o022)


def prepare_directory(path: str, variable: str, forbidden_mode: int = 0o002) -> None:
    """Create a directory, or check that no other user owns it or can write to it; its mode is never changed.

    variable: sets another directory. forbidden_mode: who else must not be able to write. Raises StartupError.
    """
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        _check_private(path, variable, forbidden_mode)
    except OSError as exc:
        raise StartupError(f"the directory {path} cannot be used: {exc.strerror}") from exc
    if not os.access(path, os.W_OK | os.X_OK):
        raise StartupError(f"{path} cannot be written: correct its mode, or set {variable}")


def _check_private(path: str, variable: str, forbidden_mode: int) -> None:
    """Raise StartupError unless the path is a directory of this user's that nobody else can write to."""
    status = os.lstat(path) if variable == "LUZIA_RUNTIME_DIR" else os.stat(path)
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode):
        raise StartupError(f"{path} is not a directory: remove it, or set {variable}")
    if status.st_uid != os.geteuid():
        owner = user_name(status.st_uid)
        raise StartupError(f"{path} belongs to user {owner}: set {variable} to a directory of your own")
    if mode & forbidden_mode:
        raise StartupError(
            f"other users can write to {path} (mode {mode:o}): remove what is not yours from it and run"
            f" `chmod go-w {path}`, or set {variable} to another directory"
        )


class DirectoryLock:
    """The lock that makes this the only daemon of a runtime or state directory. Enter it to hold it.

    The file has the process id, in a second line the socket of the daemon, or NO_SOCKET, and in a third one ACTIVATED
    if systemd has made the socket. was_activated: the last daemon had such a socket.
    """

    def __init__(self, directory: str, socket_path: str = NO_SOCKET) -> None:
        self.directory = directory
        self._path = os.path.join(directory, LOCK_NAME)
        self._content = b"%d\n%s\n" % (os.getpid(), os.fsencode(socket_path))
        self._descriptor: int | None = None
        self.was_activated = False

    def __enter__(self) -> DirectoryLock:
        """Take the lock. Raises StartupError when another process has it."""
        self._descriptor = self._take(CLIENTS_CHECK_S)
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def record_socket(self, *, is_activated: bool) -> None:
        """Record who has made the socket, so that no daemon binds another one over one of systemd's."""
        self._content = self._content.removesuffix(ACTIVATED) + (ACTIVATED if is_activated else b"")
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, os.pwrite(self._descriptor, self._content, 0))

    def restore(self) -> None:
        """Take the lock again if its file was deleted or replaced. Raises StartupError."""
        if not self.is_in_place():
            descriptor = self._take(0.0)
            self.__exit__()
            self._descriptor = descriptor
            log.warning("lock_restored file=%s", self._path)

    def is_in_place(self) -> bool:
        """Whether others who look for the lock find this one."""
        try:
            return self._descriptor is not None and os.path.samestat(os.lstat(self._path), os.fstat(self._descriptor))
        except OSError:
            return False

    def _take(self, patience_s: float) -> int:
        """The descriptor of the locked file. patience_s: how long a client may have it locked, to see who runs."""
        try:
            descriptor = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600
            )
        except OSError as exc:
            raise StartupError(f"the lock {self._path} cannot be opened: {exc.strerror}; remove it") from exc
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise StartupError(f"the lock {self._path} cannot be opened: not a regular file; remove it")
        try:
            self._flock(descriptor, time.monotonic() + patience_s)
            self.was_activated = os.pread(descriptor, _MAX_CONTENT_BYTES, 0).endswith(b"\n" + ACTIVATED)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, self._content, 0)
        except BaseException as exc:
            os.close(descriptor)
            if isinstance(exc, OSError):
                hint = "; use a directory on a local file system" if exc.errno == errno.ENOLCK else ""
                raise StartupError(f"{self._path} cannot be locked: {exc.strerror}{hint}") from exc
            raise
        return descriptor

    def _flock(self, descriptor: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(CLIENTS_CHECK_S / 10)
                    continue
                pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").partition("\n")[0]
                raise StartupError(
                    f"already running: luziad (pid {pid}) uses {self.directory}; stop it with `luzia daemon stop`"
                ) from None


def bind(path: str, *, is_systemds: bool) -> socket.socket:
    """The listening socket, which replaces one of a daemon that died. Hold the lock. Raises StartupError.

    is_systemds: systemd has made the socket that may be there, which is not replaced.
    """
    if len(os.fsencode(path)) > 107:
        raise StartupError(f"the socket path {path} is longer than 107 bytes: set LUZIA_SOCKET to a shorter one")
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise StartupError(f"{path} is not a socket: remove it, or set LUZIA_SOCKET")
        if is_in_use(path):
            raise StartupError(f"another process listens on {path}: stop it, or set LUZIA_SOCKET")
        if is_systemds:
            raise StartupError(
                f"systemd has made the socket {path}: start luziad.socket with systemctl, or remove the file"
            )
        owner = os.lstat(path).st_uid
        if owner != os.geteuid():
            raise StartupError(f"{path} belongs to user {user_name(owner)}: remove it, or set LUZIA_SOCKET")
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


def is_system(runtime_dir: str) -> bool:
    """True for the runtime directory of the system service."""
    return Path(runtime_dir) == Path(SYSTEM_RUNTIME_DIR)


def is_in_use(path: str) -> bool:
    """Whether a process listens on the socket; a dead one has left it otherwise."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)


def _share_with_group(path: str) -> None:
    """Open the system service's socket to the group luzia, if that exists."""
    group = group_id()
    if group is not None and is_system(os.path.dirname(path)):
        os.chown(path, -1, group)
        os.chmod(path, 0o660)
