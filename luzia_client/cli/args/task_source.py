"""Reads a task from stdin (`-`) or from a file (`@FILE`)."""

from __future__ import annotations

import os

from luzia_protocol.environment import is_path
from luzia_protocol.errors import ErrorCode, LuziaError

from luzia_client.cli.args.errors import UsageError, closest_match
from luzia_client.cli.args.foreign_words import find_meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def read_source_of_task(word: str, limit: int, project: str, commands: Iterable[str]) -> bytes:
    """Read the task of a dispatch as `read_source` does. A wrong project is reported before a file that is missing.

    commands: those that may be meant by a wrong project.
    """
    try:
        return read_source(word, limit, "To pass it as the task itself, put `--` before it.")
    except UsageError:
        check_project(project, commands, [word])
        raise


def read_source(word: str, limit: int, hint: str) -> bytes:
    """The bytes that `-` or `@FILE` refers to; somewhat more than `limit` if there are more.

    hint: how to pass `@FILE` itself as the task. Raises UsageError.
    """
    if word == "-":
        return _read(0, "stdin", limit, "")
    path = os.path.expanduser(word[1:])
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as exc:
        raise _unreadable(path, exc, hint) from exc
    try:
        return _read(fd, path, limit, hint)
    finally:
        os.close(fd)


def check_project(project: str, commands: Iterable[str], following: Sequence[str] = ()) -> None:
    """Raise UsageError when a running daemon knows no project of this name, configured or with jobs.

    commands: those that may be meant. following: the words behind it.
    """
    from luzia_client.api.client import Client

    if is_path(project):
        return
    try:
        with Client(autostart=False) as client:
            client.list_jobs(projects=project, limit=1)
    except LuziaError as exc:
        if exc.code != ErrorCode.UNKNOWN_PROJECT:
            return
        near = closest_match(project, commands)
        meant = find_meaning(project, following) or (None if near is None else f"luzia {near}")
        hint = exc.hint if meant is None else f"Did you mean `{meant}`?"
        raise UsageError(f"unknown command or project '{project}'", hint) from exc


def _read(fd: int, name: str, limit: int, hint: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while size <= limit and (data := os.read(fd, 65536)):
            parts.append(data)
            size += len(data)
    except OSError as exc:
        raise _unreadable(name, exc, hint) from exc
    return b"".join(parts)


def _unreadable(name: str, exc: OSError | ValueError, hint: str) -> UsageError:
    reason = exc.strerror if isinstance(exc, OSError) else exc
    return UsageError(f"cannot read the task from {name}: {reason}", hint)
