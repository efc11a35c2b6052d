"""Reach the daemon over its socket: connect, send a line, read lines. Blocking; knows no message."""

from __future__ import annotations

import errno
import socket
import time

from luzia_protocol import environment
from luzia_protocol.errors import LuziaError
from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError

REQUEST_TIMEOUT_S = 30.0
"""A plain request is answered from memory or after one commit: who is silent for so long will not answer."""

_CHUNK = 256 * 1024


class DaemonUnreachableError(LuziaError):
    """No daemon answers. message: what was tried. hint: what to do next."""

    code = "daemon_unreachable"


class ConnectionLostError(DaemonUnreachableError):
    """The daemon went away, or fell silent, before it had answered: nobody knows whether it did what was asked."""

    code = "connection_lost"


class UnexpectedAnswerError(LuziaError):
    """What answers on the socket does not speak this client's protocol."""

    code = "unexpected_answer"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(
            message, hint or "Compare both sides with `luzia version`; after an upgrade: `luzia daemon restart`."
        )


class Connection:
    """One connection to the daemon, which sends and receives lines."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._frames = FrameReader(MAX_FRAME_BYTES)
        self._lines: list[bytes] = []

    def send(self, line: bytes) -> None:
        """Send a line, newline included.

        A daemon that refuses the connection or the line says why before it closes, so a broken pipe is told
        only by the `receive` that finds nothing more to read.
        """
        try:
            self._socket.settimeout(REQUEST_TIMEOUT_S)
            self._socket.sendall(line)
        except TimeoutError as exc:
            raise silent() from exc
        except OSError as exc:
            self._read(REQUEST_TIMEOUT_S)
            if not self._lines:
                raise lost() from exc

    def receive(self, timeout_s: float | None = None) -> bytes:
        """The next line, without its newline; with `timeout_s` None it may take for ever."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._lines:
            remaining = None if deadline is None else max(deadline - time.monotonic(), 0.001)
            if not self._read(remaining):
                raise lost()
        return self._lines.pop(0)

    def is_alive(self) -> bool:
        """False when the daemon has closed the connection since the last answer."""
        self._socket.setblocking(False)
        try:
            return not self._lines and self._socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _read(self, timeout_s: float | None) -> bool:
        """Take in what has come; False when the daemon has hung up."""
        try:
            self._socket.settimeout(timeout_s)
            data = self._socket.recv(_CHUNK)
            self._lines += self._frames.feed(data)
        except TimeoutError as exc:
            raise silent() from exc
        except OSError as exc:
            raise lost() from exc
        except FrameTooLargeError as exc:
            raise UnexpectedAnswerError("the daemon's answer is longer than 4 MiB") from exc
        return data != b""


def dial(path: str) -> socket.socket:
    """A connected socket. Raises OSError.

    The socket blocks while it connects: one that does not would fail when many connect in the same moment.
    """
    environment.check_socket_owner(path)
    dialled = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        dialled.connect(path)
    except BaseException:
        dialled.close()
        raise
    return dialled


def reach(path: str, *, autostart: bool, resuming: bool = False) -> socket.socket:
    """A socket that is connected to the daemon, which is started first when none answers and `autostart` lets it be.

    resuming: go on with what was begun before; then a daemon that somebody stopped is left stopped.
    Raises DaemonUnreachableError.
    """
    try:
        return dial(path)
    except OSError as exc:
        if not autostart or not is_absent(exc):
            raise unreachable(path, exc) from exc
    from luzia_client.transport.autostart import ensure_daemon

    ensure_daemon(path, resuming=resuming)
    try:
        return dial(path)
    except OSError as exc:
        raise unreachable(path, exc) from exc


def connect(path: str, *, autostart: bool, resuming: bool = False) -> Connection:
    """A connection to the daemon; the arguments and errors are those of `reach`."""
    return Connection(reach(path, autostart=autostart, resuming=resuming))


def is_absent(exc: OSError) -> bool:
    """True when a failure to connect means that no daemon runs."""
    return isinstance(exc, FileNotFoundError | ConnectionRefusedError)


def unreachable(path: str, exc: OSError) -> DaemonUnreachableError:
    """The failure to connect in the user's words."""
    if is_absent(exc):
        return DaemonUnreachableError(
            f"no daemon answers on {path}",
            "Start it with `luzia daemon start`; `luzia doctor` checks the set-up.",
        )
    if isinstance(exc, PermissionError) and exc.errno == errno.EPERM:
        return DaemonUnreachableError(
            f"luzia asks nothing on {path}: {exc.strerror}",
            "Have that directory removed, or set XDG_RUNTIME_DIR or LUZIA_RUNTIME_DIR to a directory of yours.",
        )
    if isinstance(exc, PermissionError):
        return DaemonUnreachableError(
            f"you may not use the socket {path}",
            "Run luzia as the daemon's owner, or join the group `luzia` for the system service.",
        )
    return DaemonUnreachableError(
        f"cannot connect to {path}: {exc.strerror or exc}",
        "Check LUZIA_SOCKET and LUZIA_RUNTIME_DIR; see `luzia doctor`.",
    )


def lost() -> ConnectionLostError:
    """The daemon hung up before it had answered."""
    return ConnectionLostError(
        "the daemon went away before it answered",
        "See `luzia jobs` for what was done, and `luzia daemon status`.",
    )


def silent() -> ConnectionLostError:
    """The daemon is there and does not answer."""
    return ConnectionLostError(
        f"the daemon did not answer within {REQUEST_TIMEOUT_S:.0f} s",
        "Look into its log: `luzia doctor` names it.",
    )
