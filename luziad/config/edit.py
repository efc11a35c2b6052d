"""Adds projects to config.toml and takes them out, and leaves every other line as the user wrote it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any

from luzia_protocol.errors import ErrorCode, Refused

from luziad.config.check import check, parse
from luziad.config.rules import NAME, NAME_EXPECTED
from luziad.config.toml_lines import statements
from luziad.config.toml_quote import dotted, string
from luziad.errors import ConfigError


def read_text(file: str) -> str:
    """The text of the configuration file, empty when there is none. Raises ConfigError when it is no text."""
    try:
        with open(file, "rb") as source:
            data = source.read()
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise ConfigError([f"{file}: it cannot be read: {exc.strerror}."]) from exc
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError([f"{file}:{line}: found bytes that are not UTF-8, expected a text."]) from exc


def add_project(config_file: str, name: str, path: str, agent: str | None) -> None:
    """Write a project into the configuration file, which is made when there is none.

    name: a new one. path: its directory, absolute or with `~`. agent: its agent, or None.
    Raises Refused: BAD_REQUEST for a bad name, PROJECT_EXISTS. Raises ConfigError when the file has mistakes,
    before or after the change, or cannot be written; the file is then as it was.
    """
    if not NAME.fullmatch(name):
        raise Refused(ErrorCode.BAD_REQUEST, f"a project's name is {NAME_EXPECTED}")
    text = read_text(config_file)
    data = parse(config_file, text)
    check(config_file, text)
    if name in data.get("projects", {}):
        raise Refused(ErrorCode.PROJECT_EXISTS, f'there is a project "{name}" already')
    table = {"path": path} if agent is None else {"path": path, "agent": agent}
    lines = [f"[{dotted(('projects', name))}]", *(f"{key} = {string(value)}" for key, value in table.items())]
    kept = text if not text or text.endswith("\n") else f"{text}\n"
    gap = "\n" if kept else ""
    data.setdefault("projects", {})[name] = table
    _replace(config_file, f"{kept}{gap}" + "\n".join(lines) + "\n", data)


def remove_project(config_file: str, name: str) -> None:
    """Take a project out of the configuration file; comments outside of its lines stay.

    Raises Refused with UNKNOWN_PROJECT. Raises ConfigError as add_project does.
    """
    text = read_text(config_file)
    data = parse(config_file, text)
    check(config_file, text)
    if name not in data.get("projects", {}):
        raise Refused(ErrorCode.UNKNOWN_PROJECT, f'there is no project "{name}" in {config_file}')
    del data["projects"][name]
    _replace(config_file, _without(text, ("projects", name)), data)


def _without(text: str, path: tuple[str, ...]) -> str:
    """The text without the statements at or below `path`, and what stands between two of them."""
    lines: list[str | None] = list(text.split("\n"))
    previous: int | None = None
    for statement in statements(text):
        if statement.path[: len(path)] != path:
            previous = None
            continue
        first = statement.first if previous is None else previous + 1
        if previous is None and first > 1 and not (lines[first - 2] or "").strip():
            lines[first - 2] = None
        for number in range(first, statement.last + 1):
            lines[number - 1] = None
        previous = statement.last
    return "\n".join(line for line in lines if line is not None)


def _replace(file: str, text: str, wanted: dict[str, Any]) -> None:
    """Write the new text in one step, if it is right and says what it should."""
    try:
        found = parse(file, text)
    except ConfigError:
        found = {}
    if _plain(found) != _plain(wanted):
        raise ConfigError([f"{file}: its projects are written in a way that luzia cannot edit; edit it by hand."])
    check(file, text)
    try:
        _write(os.path.realpath(file), text.encode())
    except (OSError, UnicodeEncodeError) as exc:
        words = exc.strerror if isinstance(exc, OSError) else "the text is not UTF-8"
        raise ConfigError([f"{file}: it cannot be written: {words}."]) from exc


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """The data without an empty table of projects, which means nothing."""
    return {key: value for key, value in data.items() if (key, value) != ("projects", {})}


def _write(file: str, data: bytes) -> None:
    """Replace the file: after a crash there is the old one or the new one, whole."""
    directory = os.path.dirname(file)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".config-", dir=directory)
    try:
        with open(descriptor, "wb") as target:
            with contextlib.suppress(FileNotFoundError):  # a new file keeps mkstemp's 0600
                os.fchmod(target.fileno(), os.stat(file).st_mode & 0o7777)
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_directory(directory)


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
