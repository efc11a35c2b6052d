"""Whether systemd has the daemon's socket: then only systemd starts and stops the daemon."""

from __future__ import annotations

import os
from typing import NamedTuple

from luzia_protocol import environment

SOCKET_UNIT = "luziad.socket"
SERVICE_UNIT = "luziad.service"
SYSTEM_UNIT_DIRS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where units of the machine are installed (systemd.unit(5))."""
USER_ENABLED_DIRS = (
    "~/.config/systemd/user/sockets.target.wants",
    "/etc/systemd/user/sockets.target.wants",
)
"""Where a unit of a user is linked when it is enabled, by the user or by the administrator for all users."""


class Service(NamedTuple):
    """The service that has a socket. is_system: that of the machine; otherwise that of this user."""

    is_system: bool

    def systemctl(self, verb: str, *units: str) -> list[str]:
        """The command that does something with its units, both by default."""
        return ["systemctl", *([] if self.is_system else ["--user"]), verb, *(units or (SOCKET_UNIT, SERVICE_UNIT))]

    def start_hint(self) -> str:
        """How to start it, for an error."""
        who = "As root, start" if self.is_system and os.geteuid() != 0 else "Start"
        start, reset = " ".join(self.systemctl("start")), " ".join(self.systemctl("reset-failed"))
        return f"{who} it with `{start}`; if it has failed, correct the cause and run `{reset}` first."

    def failure_hint(self, verb: str, *units: str) -> str:
        """What to do when systemctl has failed."""
        if self.is_system and os.geteuid() != 0:
            return (
                f"Run it as root: `sudo {' '.join(self.systemctl(verb, *units))}`; only root may control the service."
            )
        logged, reset = " ".join(self.systemctl("status", SERVICE_UNIT)), " ".join(self.systemctl("reset-failed"))
        return f"See `{logged}`; correct the cause, then run `{reset}` and `{' '.join(self.systemctl(verb, *units))}`."


def service_of(socket: str) -> Service | None:
    """The service that has this socket, running or not; None when commands may start a daemon on it.

    Root has the socket of the machine only if no service is installed, as in a container.
    """
    if os.path.dirname(socket) == environment.SYSTEM_RUNTIME_DIR:
        return Service(is_system=True) if os.geteuid() != 0 or _is_installed() else None
    return Service(is_system=False) if _is_of_user_manager(socket) else None


def _is_installed() -> bool:
    """Whether the machine has the service: its unit, or a runtime directory of its user."""
    try:
        if os.lstat(environment.SYSTEM_RUNTIME_DIR).st_uid != 0:
            return True
    except FileNotFoundError:
        pass
    return any(os.path.lexists(os.path.join(directory, SOCKET_UNIT)) for directory in SYSTEM_UNIT_DIRS)


def _is_of_user_manager(socket: str) -> bool:
    """Whether this user's manager is running, and its luziad.socket is enabled and is this one.

    The manager's directory is found by the socket: XDG_RUNTIME_DIR is another user's after `su`, or not set.
    """
    base = os.path.dirname(os.path.dirname(socket))
    try:
        is_own = os.stat(os.path.join(base, "systemd", "private")).st_uid == os.geteuid()
    except OSError:
        return False
    return (
        is_own
        and socket == os.path.join(base, "luzia", "luzia.sock")
        and any(os.path.lexists(os.path.join(os.path.expanduser(each), SOCKET_UNIT)) for each in USER_ENABLED_DIRS)
    )
