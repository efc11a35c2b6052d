"""The daemon's place in the file system: its runtime directory, its lock, its socket, and who may connect."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luzia_protocol.environment import SYSTEM_RUNTIME_DIR
from luzia_protocol.errors import ErrorCode, Refused

from luziad.errors import StartupError
from luziad.handlers.base import Services
from luziad.server.admission import RESERVE, Admission, Doorkeeper, Limits, group_id, user_name
from luziad.server.session import Session, refusal

log = logging.getLogger("luziad.listen")

BACKLOG = 1024
ACCEPTED_AT_ONCE = 16
"""Connections that are accepted before everybody else has a turn, so that a flood of them stops nobody."""
MAX_TOLD_OFF = 32
"""Refused peers that get time to read why; those beyond are told and closed in the same moment."""
STARVED_PAUSE_S = 0.1


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
                owner = user_name(found.st_uid)
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

    def __init__(self, services: Services, limits: Limits) -> None:
        self._services = services
        self._doorkeeper = Doorkeeper(limits, shared=is_system(services.config.runtime_dir))
        self._sessions: set[Session] = set()
        self._brief: dict[Session, None] = {}  # those in the reserve, the first that came first
        self._told_off: set[Session] = set()
        self._opening: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._listening: socket.socket | None = None
        self._starved = False

    def __len__(self) -> int:
        return len(self._sessions)

    def start(self, listening: socket.socket) -> None:
        """Accept on this socket."""
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Accept no more, and end the connections that there are; what was written still goes out."""
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening = None
        for session in list(self._sessions):
            session.end()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if self._listening is None:
                return
            try:
                peer, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                self._pause(self._listening, exc)
                return
            self._starved = False
            if self._take_in(peer):
                return  # so that whoever has got a place of the reserve has some turns until it must give way

    def _pause(self, listening: socket.socket, exc: OSError) -> None:
        """No connection can be had, for there are no files or no memory: those that want in wait in the backlog."""
        if not self._starved:
            log.warning("not_accepting error=%r", exc.strerror)
        self._starved = True
        self._loop.remove_reader(listening)
        self._loop.call_later(STARVED_PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        if self._listening is not None:
            self._loop.add_reader(self._listening, self._accept)

    def _take_in(self, peer: socket.socket) -> bool:
        """Open a session for the peer, or turn it away; True when it has got a place of the reserve."""
        peer.setblocking(False)
        admission = self._doorkeeper.admit(peer)
        refused = None if admission.brief else admission.refused
        if refused is not None and len(self._told_off) >= MAX_TOLD_OFF:
            _turn_away(peer, refused)
            return False
        session = Session(self._services, admission, functools.partial(self._gone, admission))
        (self._sessions if refused is None else self._told_off).add(session)
        if admission.brief:
            self._make_room()
            self._brief[session] = None
        task = self._loop.create_task(self._open(session, peer))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return admission.brief

    async def _open(self, session: Session, peer: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: session, peer)
        except OSError as exc:
            log.warning("connection_not_opened error=%r", exc.strerror)
            peer.close()
            session.connection_lost(exc)

    def _make_room(self) -> None:
        """In the reserve the first that asks nothing goes, or else the one that has had most time for its request."""
        if len(self._brief) < RESERVE:
            return
        going = next((session for session in self._brief if session.is_idle), next(iter(self._brief)))
        del self._brief[going]
        message = "all places are taken, and somebody else wants this one"
        going.give_way(Refused(ErrorCode.TOO_MANY_CONNECTIONS, message))

    def _gone(self, admission: Admission, session: Session) -> None:
        self._doorkeeper.leave(admission)
        self._sessions.discard(session)
        self._told_off.discard(session)
        self._brief.pop(session, None)


def _turn_away(peer: socket.socket, refused: Refused) -> None:
    try:
        peer.send(refusal(refused), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError as exc:
        log.debug("refusal_not_sent error=%r", exc.strerror)  # it has gone already
    peer.close()


def is_system(runtime_dir: str) -> bool:
    """True for the runtime directory of the system service."""
    return Path(runtime_dir) == Path(SYSTEM_RUNTIME_DIR)


def _share_with_group(path: str) -> None:
    """The system service's socket is open to the group luzia, where there is one."""
    group = group_id()
    if group is not None and is_system(os.path.dirname(path)):
        os.chown(path, -1, group)
        os.chmod(path, 0o660)
