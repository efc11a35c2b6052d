"""systemd's side of the daemon: readiness and watchdog messages, and a socket that systemd has opened.

The protocols are those of sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3). Without systemd every
function here says so by its return value, and nothing else happens.
"""

from __future__ import annotations

import os
import socket

from luziad.errors import StartupError

FIRST_FD = 3


def notify(state: str) -> bool:
    """Tell the service manager `state` (such as READY=1) and return whether it was sent.

    It never blocks: a manager that does not read its socket must not hold up the daemon.
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
    """Take over the listening socket that systemd passed to this process; None when it passed none.

    The variables that announce it are taken out of the environment. Raises StartupError when what was passed
    is anything but one listening Unix stream socket.
    """
    pid = os.environ.pop("LISTEN_PID", "")
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise StartupError(f"systemd passed {count} sockets; luziad.socket must have one ListenStream=")
    try:
        taken = socket.socket(fileno=FIRST_FD)
        listening = taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    except OSError as error:
        raise StartupError(f"what systemd passed as the socket is none: {error.strerror}") from error
    if taken.family != socket.AF_UNIX or taken.type != socket.SOCK_STREAM or not listening:
        raise StartupError("the socket that systemd passed is no listening Unix stream socket")
    taken.set_inheritable(False)
    taken.setblocking(False)
    return taken


def watchdog_interval_s() -> float | None:
    """Seconds between two WATCHDOG=1 messages: half of what systemd allows; None without a watchdog."""
    allowed = os.environ.get("WATCHDOG_USEC", "")
    if not allowed.isdecimal() or int(allowed) == 0:
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(allowed) / 2_000_000
