"""The daemon under systemd: readiness and watchdog messages, and socket activation.

The protocols are those of sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3). Without systemd every function
has no effect, and its return value says so.
"""

from __future__ import annotations

import os
import socket

from luziad.errors import StartupError

FIRST_FD = 3


def notify(state: str) -> bool:
    """Send `state` (such as READY=1) to the service manager, and return whether it was sent.

    It never blocks: a manager that does not read its socket must not delay the daemon.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError:
            return False
    return True


def activated_socket() -> socket.socket | None:
    """The listening socket that systemd passed to this process; None when it passed none.

    The variables that announce it are removed from the environment. Raises StartupError unless systemd passed one
    listening Unix stream socket.
    """
    pid = os.environ.pop("LISTEN_PID", "")
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise StartupError(f"systemd passed {count} sockets; luziad.socket must have one ListenStream=")
    try:
        passed = socket.socket(fileno=FIRST_FD)
        listening = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    except OSError as error:
        raise StartupError(f"the file descriptor that systemd passed is not a socket: {error.strerror}") from error
    if passed.family != socket.AF_UNIX or passed.type != socket.SOCK_STREAM or not listening:
        raise StartupError("the socket that systemd passed is not a listening Unix stream socket")
    passed.set_inheritable(False)
    passed.setblocking(False)
    return passed


def watchdog_interval_s() -> float | None:
    """Seconds between two WATCHDOG=1 messages: half of what systemd allows; None without a watchdog."""
    allowed = os.environ.get("WATCHDOG_USEC", "")
    if not allowed.isdecimal() or int(allowed) == 0:
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(allowed) / 2_000_000
