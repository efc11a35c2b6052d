"""The environment: where the socket and the files of luzia are, and which variables a job inherits from the shell.

The daemon and every client use these functions, so that both find the same socket and files. This module is loaded
by every dispatch and imports `os` and `sys` only.
"""

from __future__ import annotations

import os
import sys

SYSTEM_RUNTIME_DIR = "/run/luzia"
SYSTEM_STATE_DIR = "/var/lib/luzia"
SYSTEM_CONFIG = "/etc/luzia/config.toml"

INHERITED_VARIABLES = frozenset(
    (
        "PATH",
        "LANG",
        "LANGUAGE",
        "TZ",
        "SSH_AUTH_SOCK",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
    )
)
"""The variables that a job inherits from the shell, with LC_*; what else it gets: luziad/attempts/environment.py."""


def runtime_dir() -> str:
    """The directory of the socket and the lock: LUZIA_RUNTIME_DIR, else the user's run-time directory.

    An XDG_RUNTIME_DIR that is missing or another user's, as after `su`, is ignored. Without one it is /run/user/UID
    where that exists, /run/luzia for root, and otherwise /tmp/luzia-UID (the daemon checks the owner and mode of
    whichever it is).
    """
    env = os.environ
    if explicit := env.get("LUZIA_RUNTIME_DIR"):
        return _from_here(explicit)
    uid = os.geteuid()
    xdg = env.get("XDG_RUNTIME_DIR")
    if xdg and _owner(xdg) == uid:
        return os.path.join(xdg, "luzia")
    if uid == 0:
        return SYSTEM_RUNTIME_DIR
    if os.path.isdir(f"/run/user/{uid}"):
        return f"/run/user/{uid}/luzia"
    return f"/tmp/luzia-{uid}"


def socket_path() -> str:
    """The client socket: LUZIA_SOCKET, else luzia.sock in the runtime directory.

    Users without a daemon of their own connect to the system service, if they may: also while it is stopped, so that
    their commands say so, and do not go to another daemon.
    """
    if explicit := os.environ.get("LUZIA_SOCKET"):
        return _from_here(explicit)
    own = os.path.join(runtime_dir(), "luzia.sock")
    if not os.environ.get("LUZIA_RUNTIME_DIR") and not os.path.exists(own):
        system = os.path.join(SYSTEM_RUNTIME_DIR, "luzia.sock")
        if os.access(system, os.W_OK) or _is_for_its_group(SYSTEM_RUNTIME_DIR):
            return system
    return own


def _is_for_its_group(directory: str) -> bool:
    """Whether this user may enter a directory that is for a group: neither for everybody, nor for its owner alone."""
    try:
        return os.stat(directory).st_mode & 0o017 == 0o010 and os.access(directory, os.X_OK)
    except FileNotFoundError:
        return False


def check_socket_owner(socket: str) -> None:
    """Raise PermissionError when another user owns this user's directory in /tmp, where `socket` would be.

    Any user can create that directory first, and a socket in it would receive the task and the variables.
    """
    directory = os.path.dirname(socket)
    if directory == f"/tmp/luzia-{os.geteuid()}" and os.path.lexists(directory):
        status = os.lstat(directory)
        if status.st_mode & 0o170000 != 0o040000 or status.st_uid != os.geteuid():
            raise PermissionError(1, f"{directory} belongs to another user")


def check_peer(socket: str, credentials: bytes) -> None:
    """Raise PermissionError when the process that listens on `socket` may not receive a task and its variables.

    It must be this user's or root's, or the system service. Root may also use a user's daemon whose socket it names.
    credentials: what SO_PEERCRED gives, three integers (unix(7)).
    """
    own, uid = os.geteuid(), memoryview(credentials).cast("i")[1]
    if uid in (own, 0):
        return
    directory = os.path.dirname(socket)
    if directory == SYSTEM_RUNTIME_DIR and _owner(directory) == uid:
        return
    if own == 0 and directory != runtime_dir() and _owner(directory) == uid:
        return
    raise PermissionError(1, f"the process that listens there is another user's (uid {uid})")


def _owner(path: str) -> int | None:
    """The user id of the owner of a path; None if it does not exist."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def is_usable(path: str) -> bool:
    """Whether this user's files belong there: root could write anywhere, and would lock the owner out."""
    uid, owner = os.geteuid(), _owner(path)
    return owner in (None, uid) or (uid != 0 and os.access(path, os.W_OK))


def _home() -> str:
    """The home directory; for root never that of another user, as after `sudo -E`."""
    home = os.path.expanduser("~")
    return home if os.geteuid() != 0 or is_usable(home) else os.path.expanduser("~root")


def is_system() -> bool:
    """True when this process uses the system service's directories."""
    return runtime_dir() == SYSTEM_RUNTIME_DIR


def state_dir() -> str:
    """The directory of the store and its snapshots: LUZIA_STATE_DIR, else by XDG or the system's.

    An XDG_STATE_HOME that is another user's, as after `su`, is ignored.
    """
    if explicit := os.environ.get("LUZIA_STATE_DIR"):
        return _from_here(explicit)
    if is_system():
        return SYSTEM_STATE_DIR
    base = os.environ.get("XDG_STATE_HOME")
    if not base or not is_usable(base):
        base = os.path.join(_home(), ".local/state")
    return os.path.join(base, "luzia")


def config_file() -> str:
    """The configuration file: LUZIA_CONFIG, else by XDG or the system's. It need not exist."""
    if explicit := os.environ.get("LUZIA_CONFIG"):
        return _from_here(explicit)
    if is_system():
        return SYSTEM_CONFIG
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(_home(), ".config")
    return os.path.join(base, "luzia", "config.toml")


def config_mentions(word: bytes) -> bool:
    """Whether the configuration file has this word: without it, a command need not load a parser of TOML."""
    try:
        with open(config_file(), "rb") as file:
            return word in file.read()
    except OSError:
        return False


def log_file() -> str:
    """The log file of a daemon that was started by a command."""
    return os.path.join(state_dir(), "luziad.log")


def is_path(project: str) -> bool:
    """True when `project` is a path and not a name."""
    return "/" in project or project in {".", ".."} or project.startswith("~")


def absolute_path(path: str) -> str:
    """The absolute path, with `~` expanded: the daemon has another working directory and perhaps another home.

    `..` behind a symbolic link leads to the parent of the link's target, as it does for the system. Raises OSError for
    a path that is relative to a current directory that does not exist, or whose own path is not UTF-8.
    """
    path = os.path.expanduser(path)
    found = _from_here(path)
    if ".." in path.split("/"):
        found = os.path.realpath(path)
    if _is_text(path) and not _is_text(found):
        raise OSError(84, "the path of the current directory is not valid UTF-8; rename it")
    return found


def _from_here(path: str) -> str:
    """The absolute path. Raises FileNotFoundError without a current directory, unless the path is absolute."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise FileNotFoundError(2, "the current directory does not exist any more; change to another one") from None


def client_env() -> dict[str, str]:
    """The caller's variables that a job inherits. Values that are not UTF-8 are left out: JSON cannot carry them.

    A job on another host inherits none: its programs are found by the PATH of that host.
    """
    if os.environ.get("LUZIA_HOST"):
        return {}
    return {
        name: value
        for name, value in os.environ.items()
        if (name in INHERITED_VARIABLES or name.startswith("LC_")) and _is_text(value)
    }


def process_umask() -> int | None:
    """The umask of this process, which its jobs get; None when the kernel does not tell it (before Linux 4.7).

    umask(2) can only be read by changing it, which other threads would notice.
    """
    try:
        status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        _, found, rest = os.read(status, 4096).partition(b"\nUmask:")
    finally:
        os.close(status)
    return int(rest.split(maxsplit=1)[0], 8) if found else None


def current_job() -> str:
    """The id of the job in which the caller runs; empty outside a job, and for a daemon on another host."""
    job = "" if os.environ.get("LUZIA_HOST") else os.environ.get("LUZIA_JOB_ID", "")
    return job if _is_text(job) else ""


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def install_extra(extra: str) -> str:
    """What a user does to add an extra, such as `web`, to the installation that this process belongs to."""
    return f"In a clone of luzia, run: {sys.executable} -m pip install '.[{extra}]'"
