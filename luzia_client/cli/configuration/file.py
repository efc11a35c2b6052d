"""Reads, changes and replaces config.toml. A change keeps all comments and the order of the other lines."""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Callable
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.cli.configuration.schema import KeyPath
from luzia_client.transport.autostart import config_errors


def read_text(path: str) -> str:
    """The text of the file, empty when there is none. Raises OSError, and Refused when it is not UTF-8."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as exc:
        raise invalid([f"{path}: invalid UTF-8 (byte {exc.start})."]) from exc


def read_tables(path: str) -> dict[str, Any]:
    """The content of the file. Raises Refused when it is not TOML, and as read_text does."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise invalid(find_mistakes(path, text)) from exc


def find_mistakes(path: str, text: str) -> list[str]:
    """What luziad finds wrong with a text, a sentence each, with the line: `config.toml:3: daemon.nice: found 50, …`.

    path: the file that it is for. Raises DaemonUnreachableError when luziad cannot be run.
    """
    with tempfile.NamedTemporaryFile(prefix="luzia-", suffix=".toml") as file:
        file.write(text.encode())
        file.flush()
        return [mistake.replace(file.name, path, 1) for mistake in config_errors(file.name)]


def invalid(mistakes: list[str], hint: str = "Correct them with `luzia config edit`.") -> Refused:
    """The error for a file with mistakes."""
    return Refused(ErrorCode.CONFIG_INVALID, "\n".join(mistakes), hint)


def change(path: str, key: KeyPath, value: Any) -> None:
    """Set a value in the file, which is created if there is none.

    value: of TOML, or an item of tomlkit. Raises Refused when the result has mistakes; the file is then unchanged.
    """
    plain = value.unwrap() if hasattr(value, "unwrap") else value

    def put(document: Any) -> None:
        is_plain = type(document) is dict
        new_table = dict if is_plain else lambda: tomlkit.table(is_super_table=True)
        _put(document, key, plain if is_plain else value, new_table)

    _edit(path, put)


def remove(path: str, key: KeyPath) -> None:
    """Remove a value or a table, which must exist, from the file. Raises Refused, as `change` does."""

    def take(document: Any) -> None:
        tables = [document]
        for part in key[:-1]:
            tables.append(tables[-1][part])
        for table, part in zip(reversed(tables), reversed(key), strict=True):
            del table[part]
            if table:  # an empty table that is left has no meaning
                break

    _edit(path, take)


def _edit(path: str, edit: Callable[[Any], None]) -> None:
    """Change the file by a function, which is called for its plain content and for its document."""
    text = read_text(path)
    if mistakes := find_mistakes(path, text):
        raise invalid(mistakes)
    expected = tomllib.loads(text)
    edit(expected)
    try:
        document = tomlkit.parse(text)
        edit(document)
        changed = document.as_string()
        is_right = tomllib.loads(changed) == expected
    except (TOMLKitError, tomllib.TOMLDecodeError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        message = f"{path}: luzia cannot edit this TOML syntax"
        raise invalid([message], "Edit the file by hand with `luzia config edit`.")
    if mistakes := find_mistakes(path, changed):
        raise invalid(mistakes, "The file is unchanged.")
    replace(path, changed)


def _put(table: Any, key: KeyPath, value: Any, new_table: Any) -> None:
    for number, part in enumerate(key[:-1]):
        if part not in table:
            is_last = number == len(key) - 2
            table[part] = tomlkit.table() if is_last and new_table is not dict else new_table()
        table = table[part]
    table[key[-1]] = value


def replace(path: str, text: str) -> None:
    """Replace the file: after a crash either the old or the new one exists, complete. A link stays one."""
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".config-", dir=directory)
    try:
        with open(descriptor, "wb") as file:
            with contextlib.suppress(FileNotFoundError):  # a new file keeps mkstemp's 0600
                os.fchmod(file.fileno(), os.stat(target).st_mode & 0o7777)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
