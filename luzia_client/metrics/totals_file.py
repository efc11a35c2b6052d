"""Keeps what follows of the events up to one in a file: a restart sets no counter back, and leaves nothing out."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from luzia_protocol.errors import LuziaError

from luzia_client.transport.file_lock import lock_file


class TotalsError(LuziaError):
    """The file of the totals cannot be used."""


class OfSocket(Protocol):
    """What is kept is made with the daemon's socket alone at first."""

    socket: str

    def __init__(self, socket: str) -> None: ...


T = TypeVar("T", bound=OfSocket)


class TotalsFile(Generic[T]):
    """A JSON file, replaced as a whole. One process writes it at a time, the one that has locked the file beside it.

    kind: the type of what is kept.
    """

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path = path
        self._kind = kind
        self._lock: int | None = None

    def lock(self) -> bool:
        """Become the process that writes it, until this one ends; False if another one is. Raises TotalsError."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = lock_file(f"{self.path}.lock")
        except OSError as exc:
            raise self._error(exc) from exc
        return self._lock is not None

    def load(self, socket: str) -> T:
        """The saved ones of the daemon on a socket; empty ones if there is no file. Raises TotalsError."""
        try:
            totals = msgspec.json.decode(self.path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return self._kind(socket)
        except OSError as exc:
            raise self._error(exc) from exc
        except msgspec.DecodeError as exc:
            raise TotalsError(
                f"{self.path} was not written by `luzia metrics`", "Delete it to count from the beginning."
            ) from exc
        if totals.socket != socket:
            raise TotalsError(
                f"{self.path} has the totals of the daemon on {totals.socket}", "Choose another file with --state."
            )
        return totals

    def save(self, totals: T) -> None:
        """Replace the file, if this process writes it. When this returns, it is on disk. Raises TotalsError."""
        if self._lock is None:
            return
        try:
            self._replace(msgspec.json.encode(totals))
        except OSError as exc:
            raise self._error(exc) from exc

    def _replace(self, data: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _error(self, exc: OSError) -> TotalsError:
        return TotalsError(
            f"cannot use {self.path}: {exc.strerror}", "Choose another file with --state, in a directory of your own."
        )
