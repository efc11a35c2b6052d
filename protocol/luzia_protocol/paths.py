"""Where a luzia lives: its socket, lock, state and configuration, from the environment alone.

Both sides ask here, so that they always meet. Imports `os` only: it is on the thin client's path.
"""

from __future__ import annotations

import os

SYSTEM_RUNTIME_DIR = "/run/luzia"
SYSTEM_STATE_DIR = "/var/lib/luzia"
SYSTEM_CONFIG = "/etc/luzia/config.toml"


def runtime_dir() -> str:
    """The directory of the socket and the lock: LUZIA_RUNTIME_DIR, else the user's run-time directory.

    Without XDG_RUNTIME_DIR it is /run/user/UID where that exists, /run/luzia for root, and otherwise
    /tmp/luzia-UID (the daemon checks the owner and mode of whichever it is).
    """
    env = os.environ
    if explicit := env.get("LUZIA_RUNTIME_DIR"):
        return os.path.abspath(explicit)
    if xdg := env.get("XDG_RUNTIME_DIR"):
        return os.path.join(xdg, "luzia")
    uid = os.geteuid()
    if uid == 0:
        return SYSTEM_RUNTIME_DIR
    if os.path.isdir(f"/run/user/{uid}"):
        return f"/run/user/{uid}/luzia"
    return f"/tmp/luzia-{uid}"


def socket_path() -> str:
    """The client socket: LUZIA_SOCKET, else luzia.sock in the runtime directory.

    A user who has no daemon of their own talks to the system service where one listens.
    """
    if explicit := os.environ.get("LUZIA_SOCKET"):
        return os.path.abspath(explicit)
    own = os.path.join(runtime_dir(), "luzia.sock")
    if not os.environ.get("LUZIA_RUNTIME_DIR") and not os.path.exists(own):
        system = os.path.join(SYSTEM_RUNTIME_DIR, "luzia.sock")
        if os.access(system, os.W_OK):
            return system
    return own


def check_place(socket: str) -> None:
    """Raise PermissionError when the socket is in the directory in /tmp that is this user's, and another user made it.

    Only there can other users make it first; what they listen with must not hear a task, nor the variables with it.
    """
    place = os.path.dirname(socket)
    if place == f"/tmp/luzia-{os.geteuid()}" and os.path.lexists(place):
        status = os.lstat(place)
        if status.st_mode & 0o170000 != 0o040000 or status.st_uid != os.geteuid():
            raise PermissionError(1, f"{place} belongs to another user")


def is_system() -> bool:
    """True when this process would use the system service's directories."""
    return runtime_dir() == SYSTEM_RUNTIME_DIR


def state_dir() -> str:
    """The directory of the store and its snapshots: LUZIA_STATE_DIR, else by XDG or the system's."""
    if explicit := os.environ.get("LUZIA_STATE_DIR"):
        return os.path.abspath(explicit)
    if is_system():
        return SYSTEM_STATE_DIR
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "luzia")


def config_file() -> str:
    """The one configuration file: LUZIA_CONFIG, else by XDG or the system's. It need not exist."""
    if explicit := os.environ.get("LUZIA_CONFIG"):
        return os.path.abspath(explicit)
    if is_system():
        return SYSTEM_CONFIG
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "luzia", "config.toml")


def log_file() -> str:
    """Where a daemon that a command started writes its log."""
    return os.path.join(state_dir(), "luziad.log")
