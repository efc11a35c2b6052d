"""Tells a SIGTERM of the daemon, which ends an attempt, from one of a machine or a session that is going down."""

from __future__ import annotations

_MANAGERS = frozenset((b"systemd", b"systemd-shutdow"))
"""The names of systemd's processes, as the kernel shortens them: the manager of the machine, that of a user, and the
program that ends what is left at a shutdown."""


def is_shutdown(sender: int) -> bool:
    """Whether a SIGTERM means that the machine, the container or the session is going down.

    sender: its process (si_pid of sigaction(2)); 0 is one outside of this container. The init process stops everything,
    unless it is the daemon itself.
    """
    if sender == 0:
        return True
    if _read(f"/proc/{sender}/comm").rstrip(b"\n") in _MANAGERS:
        return True
    return sender == 1 and not any(word.endswith(b"luziad") for word in _read("/proc/1/cmdline").split(b"\0"))


def _read(path: str) -> bytes:
    """The content of a file in /proc; empty when the process has ended, which a daemon may have."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
