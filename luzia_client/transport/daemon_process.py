"""Finds the daemon's process by the locks that it holds, for when its socket does not lead to it."""

from __future__ import annotations

import fcntl
import os
import select
import signal
from typing import NamedTuple

from luzia_protocol import environment

LOCK_NAME = "luziad.lock"
_CONTENT_BYTES = 4096


class DaemonProcess(NamedTuple):
    """A running luziad. directory: whose lock it holds. socket: where it listens; empty when it is too old to tell."""

    pid: int
    directory: str
    socket: str

    @property
    def is_suspended(self) -> bool:
        """Whether it was stopped by a signal, such as SIGSTOP."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        except OSError:
            return False

    @property
    def manager(self) -> str:
        """What started it: `systemd` or `user`."""
        try:
            with open(f"/proc/{self.pid}/environ", "rb") as file:
                return "systemd" if b"\0INVOCATION_ID=" in b"\0" + file.read() else "user"
        except OSError:
            return "user"

    def problem(self, socket: str) -> tuple[str, str]:
        """Why it cannot be reached on `socket`, and what to do, for a DaemonUnreachableError."""
        if self.is_suspended:
            return (
                f"luziad (pid {self.pid}) is suspended and does not reply",
                f"Continue it with `kill -CONT {self.pid}`.",
            )
        if self.socket not in ("", socket):
            return (
                f"luziad (pid {self.pid}) uses {self.directory} and listens on {self.socket}, not on {socket}",
                f"Set LUZIA_SOCKET={self.socket}, or set LUZIA_STATE_DIR to another directory for a second daemon.",
            )
        return (
            f"luziad (pid {self.pid}) is running, but does not listen on {socket}",
            "Restart it with `luzia daemon restart`; running jobs are not affected. Its log has the reason.",
        )

    def end(self, timeout_s: float) -> bool:
        """Ask it to end, and wait for that. False when it is still running after the timeout."""
        try:
            process = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if find_daemon() != self:
                return True  # it has ended, and its process id may be that of another process now
            signal.pidfd_send_signal(process, signal.SIGTERM)
            signal.pidfd_send_signal(process, signal.SIGCONT)
            poll = select.poll()
            poll.register(process, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
        except ProcessLookupError:
            return True
        finally:
            os.close(process)


def find_daemon() -> DaemonProcess | None:
    """The daemon of this state directory or this runtime directory; None when none is running."""
    return _find_holder(environment.state_dir()) or _find_holder(environment.runtime_dir())


def _find_holder(directory: str) -> DaemonProcess | None:
    """The daemon that holds the lock of a directory."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        lock = os.open(os.path.join(directory, LOCK_NAME), flags)
    except OSError:
        return None  # no daemon has used the directory
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(lock, _CONTENT_BYTES, 0).decode(errors="surrogateescape")
        pid, socket, *_ = [*text.split("\n"), ""]
        # A lock without a process id is being taken; one with anything but a path is held by no daemon.
        if pid.isascii() and pid.isdigit() and socket[:1] in ("", "/"):
            return DaemonProcess(int(pid), directory, socket)
    except OSError:
        return None  # a file system without locks
    finally:
        os.close(lock)
    return None
