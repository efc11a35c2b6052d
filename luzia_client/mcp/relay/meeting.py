"""Where a relay and its hub meet, and the first line that each of them sends."""

from __future__ import annotations

import os
import re
import socket

from luzia_protocol import environment
from luzia_protocol.version import VERSION

MAX_LINE_BYTES = 8 * 1024 * 1024
"""The longest message: a task of 1 MiB fits, whatever JSON makes of its characters."""

TOO_LARGE = (
    "the message is larger than 8 MiB; a task is at most 1 MiB: write the text to a file, and name the file in the task"
)

_ID = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)')
_HEAD_BYTES = 1024


def hub_socket(daemon_socket: str, job: str = "") -> str:
    """The socket of the hub for the clients of a daemon.

    It is beside the daemon's socket where that directory is the user's own, otherwise in the runtime directory.
    job: the hub that a job has started for itself, which ends with the job; empty is the user's.
    """
    directory = os.path.dirname(daemon_socket)
    try:
        is_own = os.stat(directory).st_uid == os.geteuid()
    except OSError:
        is_own = False
    return os.path.join(directory if is_own else environment.runtime_dir(), f"mcp-{job}.sock" if job else "mcp.sock")


def connect(path: str) -> socket.socket | None:
    """A connection to the hub that listens on a socket; None if there is none.

    Raises PermissionError if the process that listens there is another user's.
    """
    environment.check_socket_owner(path)
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.connect(path)
        environment.check_peer(path, connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except (FileNotFoundError, ConnectionRefusedError):
        connected.close()
        return None
    except BaseException:
        connected.close()
        raise
    return connected


def introduction(daemon_socket: str, nonce: str) -> dict[str, object]:
    """What a relay tells the hub about the agent that it serves.

    nonce: distinguishes this relay from all others, for the keys of its dispatches.
    """
    try:
        directory = os.getcwd()
    except OSError:
        directory = ""
    return {
        "luzia": "relay",
        "version": VERSION,
        "nonce": nonce,
        "socket": daemon_socket,
        "directory": directory,
        "job": environment.current_job(),
        "project": os.environ.get("LUZIA_PROJECT", ""),
        "env": environment.client_env(),
        "umask": environment.process_umask(),
    }


def version_number(version: str) -> tuple[int, ...]:
    """The numbers of a version, by which versions are ordered."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


class LineSplitter:
    """Makes lines of pieces of a stream; of a line that is too long only its beginning is kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """The lines that are now complete, without their newlines, and for each whether it was too long."""
        found = []
        first, *others = data.split(b"\n")
        self._add(first)
        for other in others:
            found.append((b"".join(self._parts), self._size > MAX_LINE_BYTES))
            self._parts, self._size = [], 0
            self._add(other)
        return found

    def _add(self, part: bytes) -> None:
        if self._size <= MAX_LINE_BYTES:
            self._parts.append(part)
        elif len(self._parts) > 1:
            self._parts = [b"".join(self._parts)[:_HEAD_BYTES]]
        self._size += len(part)


def id_of_cut(line: bytes) -> bytes:
    """The id of a request of which only the beginning is known, as JSON; `null` if it is not there."""
    found = _ID.search(line[:_HEAD_BYTES].partition(b'"params"')[0])
    return found[1] if found else b"null"
