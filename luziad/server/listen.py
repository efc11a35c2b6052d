"""The daemon's place in the file system: its runtime directory, its lock, its socket, and who may connect."""

from __future__ import annotations

import asyncio
import fcntl
import grp
import logging
import os
import pwd
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.paths import SYSTEM_RUNTIME_DIR

from luziad.errors import StartupError
from luziad.handlers.base import Services
from luziad.server.session import Session

log = logging.getLogger("luziad.listen")

BACKLOG = 1024
GROUP = "luzia"


def prepare_runtime_dir(path: str) -> None:
    """Make the directory, or check that nobody else could have put something into it. Raises StartupError."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            found = os.lstat(path)
            if not stat.S_ISDIR(found.st_mode):
                raise StartupError(f"{path} is no directory: remove it, or set LUZIA_RUNTIME_DIR") from None
            if found.st_uid != os.geteuid():
                owner = _user_name(found.st_uid)
                raise StartupError(
                    f"{path} belongs to {owner}, not to you: set LUZIA_RUNTIME_DIR to a directory of yours"
                ) from None
            if path != SYSTEM_RUNTIME_DIR and stat.S_IMODE(found.st_mode) & 0o077:
                os.chmod(path, 0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            raise StartupError(f"{path} cannot be written: correct its mode, or set LUZIA_RUNTIME_DIR")
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
            f"another luziad (pid {pid}) runs with {directory}: use it, or stop it with `luzia daemon stop`"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    try:
        yield
    finally:
        os.close(descriptor)


def bind(path: str) -> socket.socket:
    """The listening socket; one that a dead daemon left is replaced, for we hold the lock. Raises StartupError."""
    if len(os.fsencode(path)) > 107:
        raise StartupError(f"the socket path {path} is longer than 107 bytes: set LUZIA_SOCKET to a shorter one")
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise StartupError(f"{path} is no socket: remove it, or set LUZIA_SOCKET")
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
    """Take the socket away at a clean end; what a crash leaves is replaced by `bind`."""
    if os.path.lexists(path):
        os.unlink(path)


class Listener:
    """Accepts connections from those who may talk to this daemon, as many as are allowed."""

    def __init__(self, services: Services, max_connections: int) -> None:
        self._services = services
        self._max = max_connections
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None
        self._group = _group_id() if _is_system(services.config.runtime_dir) else None

    def __len__(self) -> int:
        return len(self._sessions)

    async def start(self, listening: socket.socket) -> None:
        """Accept on this socket."""
        loop = asyncio.get_running_loop()
        # The socket may be systemd's: from Python 3.13 on the loop would delete it at the end.
        keep: dict[str, bool] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
        self._server = await loop.create_unix_server(self._session, sock=listening, backlog=BACKLOG, **keep)  # type: ignore[arg-type]

    def close(self) -> None:
        """Accept no more, and end the connections that there are; what was written still goes out."""
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.end()

    def _session(self) -> Session:
        return Session(self._services, self._admit, self._sessions.discard)

    def _admit(self, session: Session, transport: asyncio.Transport) -> int:
        """The peer's user id. Raises Refused for strangers, and when there are too many connections."""
        peer = transport.get_extra_info("socket")
        _, uid, gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (os.geteuid(), 0) and not self._in_group(uid, gid):
            log.warning("peer_refused uid=%d", uid)
            raise Refused(ErrorCode.NOT_ALLOWED, f"user {_user_name(uid)} may not use this daemon")
        if len(self._sessions) >= self._max:
            raise Refused(ErrorCode.TOO_MANY_CONNECTIONS, f"{self._max} connections are open, which is the limit")
        self._sessions.add(session)
        return int(uid)

    def _in_group(self, uid: int, gid: int) -> bool:
        if self._group is None:
            return False
        try:
            return self._group in os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
        except KeyError:
            return gid == self._group


def _is_system(runtime_dir: str) -> bool:
    return Path(runtime_dir) == Path(SYSTEM_RUNTIME_DIR)


def _group_id() -> int | None:
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def _share_with_group(path: str) -> None:
    """The system service's socket is open to the group luzia, where there is one."""
    group = _group_id()
    if group is not None and _is_system(os.path.dirname(path)):
        os.chown(path, -1, group)
        os.chmod(path, 0o660)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
