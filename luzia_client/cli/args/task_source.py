"""Reads a task from stdin (`-`) or from a file (`@FILE`)."""

from __future__ import annotations

import os

from luzia_client.cli.args.errors import UsageError


def read_source(word: str, limit: int) -> bytes:
    """The bytes that `-` or `@FILE` refers to; somewhat more than `limit` if there are more. Raises UsageError."""
    if word == "-":
        return _read(0, "stdin", limit)
    path = os.path.expanduser(word[1:])
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as exc:
        raise _unreadable(path, exc) from exc
    try:
        return _read(fd, path, limit)
    finally:
        os.close(fd)


def _read(fd: int, name: str, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while size <= limit and (data := os.read(fd, 65536)):
            parts.append(data)
            size += len(data)
    except OSError as exc:
        raise _unreadable(name, exc) from exc
    return b"".join(parts)


def _unreadable(name: str, exc: OSError | ValueError) -> UsageError:
    reason = exc.strerror if isinstance(exc, OSError) else exc
    hint = "" if name == "stdin" else "A task that is one word and begins with @ is read from that file."
    return UsageError(f"cannot read the task from {name}: {reason}", hint)
