"""The files of a link: its sockets, its lock, and what is recorded about it, in a directory of this user only."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from luzia_protocol import environment
from luzia_protocol.regular_files import open_locked, open_regular, read_regular

from luzia_client.hosts import HostError
from luzia_client.hosts.far_side import FarSide
from luzia_client.hosts.settings import Host

_MAX_BYTES = 65536
_LOCK_TIMEOUT_S = 180.0
"""How long another process may take to start a link; a person may have to type a password there."""


class Record(NamedTuple):
    """A link as it was started. pid: of the ssh that serves it."""

    far: FarSide
    pid: int


def directory() -> str:
    """The directory of all links."""
    return os.path.join(environment.runtime_dir(), "hosts")


def path_of(name: str, kind: str) -> str:
    """A file of a host's link. kind: `sock`, where clients find the daemon; `ctl`, of ssh; `log`, `lock`, `json`."""
    return os.path.join(directory(), f"{name}.{kind}")


def host_of(path: str) -> str | None:
    """The name of the host whose link has this socket; None for another socket."""
    if os.path.dirname(path) != directory() or not path.endswith(".sock"):
        return None
    return os.path.basename(path).removesuffix(".sock")


def read_record(host: Host) -> Record | None:
    """The record of a link; None when there is none, or it was started for another destination."""
    try:
        found = json.loads(read_regular(path_of(host.name, "json"), _MAX_BYTES))
        record = Record(FarSide(*found["far"]), int(found["pid"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return record if found.get("host") == list(host) else None


def write_record(host: Host, record: Record) -> None:
    """Record a link."""
    temporary = path_of(host.name, "new")
    with open(open_regular(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as file:
        json.dump({"host": list(host), "far": list(record.far), "pid": record.pid}, file)
    os.replace(temporary, path_of(host.name, "json"))


def read_pid(name: str) -> int:
    """The process of the link, whatever its destination; 0 when none is recorded."""
    try:
        return int(json.loads(read_regular(path_of(name, "json"), _MAX_BYTES))["pid"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0


def remove(name: str) -> None:
    """Remove the sockets and the record of a link that has ended."""
    for kind in ("sock", "ctl", "json"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path_of(name, kind))


@contextmanager
def locked(name: str) -> Iterator[int]:
    """Have the lock of a link; its file tells who waits for it that the last start has failed."""
    _make_directory()
    try:
        lock = open_locked(path_of(name, "lock"), _LOCK_TIMEOUT_S)
    except OSError as exc:
        raise HostError(f"cannot lock the link to host {name}: {exc.filename}: {exc.strerror}", "") from exc
    try:
        yield lock
    finally:
        os.close(lock)


def _make_directory() -> None:
    path = directory()
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        status = os.lstat(path)
    except OSError as exc:
        raise HostError(
            f"cannot use the directory {path}: {exc.strerror}", "Set LUZIA_RUNTIME_DIR to a directory that you own."
        ) from exc
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise HostError(f"other users can access the directory {path}", f"Remove it, or run `chmod 700 {path}`.")


def record_failure(lock: int, exc: HostError) -> None:
    """Tell those who wait for the lock, so that a host that is not reachable delays all of them only once."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps({"at": time.time(), "message": exc.message, "hint": exc.hint}).encode(), 0)


def raise_failure_of_other(lock: int, began: float) -> None:
    """Raise the HostError of a start that has failed since `began`."""
    try:
        found = json.loads(os.pread(lock, _MAX_BYTES, 0) or "{}")
        is_newer, failure = found.get("at", 0.0) > began, (f"{found.get('message')}", f"{found.get('hint')}")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return  # nobody has recorded that
    if is_newer:
        raise HostError(*failure)
