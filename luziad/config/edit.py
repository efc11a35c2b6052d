"""Adds projects to config.toml and removes them, without a change of any other line."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any

from luzia_protocol.errors import ErrorCode, Refused

from luziad.config.check import check_config, parse_toml
from luziad.config.rules import NAME, NAME_EXPECTED
from luziad.config.toml_text import format_key, parse_statements, quote_string
from luziad.errors import ConfigError
from luziad.supervise.regular_files import read_regular

MAX_CONFIG_BYTES = 16 * 1024 * 1024


def read_text(file: str) -> str:
    """The text of the configuration file, empty when there is none. Raises ConfigError when it cannot be read."""
    try:
        data = read_regular(os.path.realpath(file), MAX_CONFIG_BYTES)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise ConfigError([f"{file}: cannot be read: {exc.strerror}."]) from exc
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError([f"{file}:{line}: invalid UTF-8."]) from exc


def add_project(config_file: str, name: str, path: str, agent: str | None) -> None:
    """Add a project to the configuration file, which is created if there is none.

    name: a new one. path: its directory, absolute or with `~`. agent: its agent, or None.
    Raises Refused: BAD_REQUEST for a bad name, PROJECT_EXISTS. Raises ConfigError when the file has mistakes,
    before or after the change, or cannot be written; the file is then unchanged.
    """
    if not NAME.fullmatch(name):
        raise Refused(ErrorCode.BAD_REQUEST, f"invalid project name '{name}': expected {NAME_EXPECTED}")
    text = read_text(config_file)
    data = parse_toml(config_file, text)
    check_config(config_file, text)
    if name in data.get("projects", {}):
        raise Refused(ErrorCode.PROJECT_EXISTS, f"project '{name}' already exists")
    table = {"path": path} if agent is None else {"path": path, "agent": agent}
    lines = [f"[{format_key(('projects', name))}]", *(f"{key} = {quote_string(value)}" for key, value in table.items())]
    kept = text if not text or text.endswith("\n") else f"{text}\n"
    gap = "\n" if kept else ""
    data.setdefault("projects", {})[name] = table
    _replace(config_file, f"{kept}{gap}" + "\n".join(lines) + "\n", data)


def remove_project(config_file: str, name: str) -> None:
    """Remove a project from the configuration file; comments outside its lines are kept.

    Raises Refused with UNKNOWN_PROJECT. Raises ConfigError as add_project does.
    """
    text = read_text(config_file)
    data = parse_toml(config_file, text)
    check_config(config_file, text)
    if name not in data.get("projects", {}):
        raise Refused(ErrorCode.UNKNOWN_PROJECT, f"project '{name}' not found in {config_file}")
    del data["projects"][name]
    _replace(config_file, _without(text, ("projects", name)), data)


def _without(text: str, path: tuple[str, ...]) -> str:
    """The text without the statements at or below `path`, and without the lines between two of them."""
    lines: list[str | None] = list(text.split("\n"))
    previous: int | None = None
    for statement in parse_statements(text):
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
    """Replace the file atomically, if the new text is valid and has the intended data."""
    try:
        found = parse_toml(file, text)
    except ConfigError:
        found = {}
    if _plain(found) != _plain(wanted):
        raise ConfigError([f"{file}: luzia cannot edit the TOML syntax of its projects; edit the file by hand."])
    check_config(file, text)
    try:
        _write(os.path.realpath(file), text.encode())
    except (OSError, UnicodeEncodeError) as exc:
        words = exc.strerror if isinstance(exc, OSError) else "the text is not UTF-8"
        raise ConfigError([f"{file}: cannot be written: {words}."]) from exc


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """The data without an empty table of projects, which has no meaning."""
    return {key: value for key, value in data.items() if (key, value) != ("projects", {})}


def _write(file: str, data: bytes) -> None:
    """Replace the file: after a crash either the old or the new one exists, complete."""
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
