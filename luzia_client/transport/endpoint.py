"""The daemon's socket: connects to it, and says why when that fails. Blocking."""

from __future__ import annotations

import errno
import socket

from luzia_protocol import environment
from luzia_protocol.errors import LuziaError

REQUEST_TIMEOUT_S = 30.0
"""How long a plain request waits for its reply. The daemon replies from memory, or after one commit."""


class DaemonUnreachableError(LuziaError):
    """No daemon is listening, and none could be started. message: what failed. hint: what to do next."""

    code = "daemon_unreachable"


class NoDaemonError(DaemonUnreachableError):
    """No daemon listens on this socket. reason: why none was started, if that was tried."""

    def __init__(self, socket: str, hint: str, reason: str = "") -> None:
        super().__init__(f"no daemon answers on {socket}{reason and f', and {reason}'}", hint)


class ConnectionLostError(DaemonUnreachableError):
    """The connection broke, or timed out, before the reply came: the request may or may not have been carried out."""

    code = "connection_lost"


class UnexpectedAnswerError(LuziaError):
    """The process that listens on the socket does not speak this client's protocol."""

    code = "unexpected_answer"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(
            message, hint or "Compare both versions with `luzia version`; after an upgrade, run `luzia daemon restart`."
        )


def connect_socket(path: str) -> socket.socket:
    """A connected socket. Raises OSError, or ValueError for a path that no socket can have.

    The socket blocks while it connects: one that does not would fail when many connect at the same time.
    """
    environment.check_socket_owner(path)
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.connect(path)
        environment.check_peer(path, connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except BaseException:
        connected.close()
        raise
    return connected


def is_absent(exc: Exception) -> bool:
    """True when a failure to connect means that no daemon is running."""
    return isinstance(exc, FileNotFoundError | ConnectionRefusedError)


def connect_error(path: str, exc: Exception) -> DaemonUnreachableError:
    """What to raise for a failure to connect."""
    reason = getattr(exc, "strerror", None) or exc
    if is_absent(exc):
        return NoDaemonError(path, "Start it with `luzia daemon start`; `luzia doctor` checks the setup.")
    if isinstance(exc, PermissionError) and exc.errno == errno.EPERM:
        return DaemonUnreachableError(
            f"refusing to connect to {path}: {reason}",
            "Remove that directory, or set XDG_RUNTIME_DIR or LUZIA_RUNTIME_DIR to a directory that you own.",
        )
    if isinstance(exc, PermissionError):
        return DaemonUnreachableError(
            f"permission denied: {path}",
            "Run luzia as the daemon's owner, or join the group `luzia` to use the system service.",
        )
    return DaemonUnreachableError(
        f"cannot connect to {path}: {reason}",
        "Check LUZIA_SOCKET and LUZIA_RUNTIME_DIR, or run `luzia doctor`.",
    )


def connection_lost() -> ConnectionLostError:
    """What to raise when the daemon closed the connection before it replied."""
    return ConnectionLostError(
        "the daemon closed the connection before it replied",
        "Run `luzia jobs` to see whether the request was carried out, and `luzia daemon status`.",
    )


def reply_timeout() -> ConnectionLostError:
    """What to raise when the daemon is connected and does not reply in time."""
    from luzia_client.transport.daemon_process import find_daemon  # loaded only for this error

    daemon = find_daemon()
    if daemon is not None and daemon.is_suspended:
        return ConnectionLostError(*daemon.problem(daemon.socket))
    return ConnectionLostError(
        f"the daemon did not reply within {REQUEST_TIMEOUT_S:.0f} s",
        "See its log; `luzia doctor` prints the path.",
    )
