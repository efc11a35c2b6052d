"""Where things stand in a TOML text: tomllib says what a file means, and not on which lines.

A statement (a table's header, or a key with its value) is the fewest lines that parse by themselves.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

Path = tuple[str, ...]


class Statement(NamedTuple):
    """A statement on the lines `first` to `last`, from 1. path: what it defines. value: what stands there."""

    path: Path
    value: Any
    first: int
    last: int


def statements(text: str) -> Iterator[Statement]:
    """The statements of a text that tomllib accepts, in their order."""
    table: Path = ()
    pending: list[str] = []
    first = 1
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.removesuffix("\r")
        if not pending:
            first = number
            if not line.strip() or line.lstrip().startswith("#"):
                continue
        pending.append(line)
        try:
            parsed = tomllib.loads("\n".join(pending))
        except tomllib.TOMLDecodeError:
            continue
        path, value = _single(parsed)
        if pending[0].lstrip().startswith("["):
            table = path
            yield Statement(path, value, first, number)
        else:
            yield Statement(table + path, value, first, number)
        pending = []


def _single(parsed: dict[str, Any]) -> tuple[Path, Any]:
    """The path down to the first value that is not a table of one key."""
    path: Path = ()
    value: Any = parsed
    while isinstance(value, dict) and len(value) == 1:
        ((key, value),) = value.items()
        path += (key,)
        if isinstance(value, list) and len(value) == 1 and value[0] == {}:
            value = {}
    return path, value


def line_numbers(text: str) -> dict[Path, int]:
    """The line on which each key and table of a text that tomllib accepts is first named."""
    lines: dict[Path, int] = {}
    for statement in statements(text):
        for length in range(1, len(statement.path) + 1):
            lines.setdefault(statement.path[:length], statement.first)
        _inside(statement.path, statement.value, statement.first, lines)
    return lines


def _inside(path: Path, value: Any, line: int, lines: dict[Path, int]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            lines.setdefault((*path, key), line)
            _inside((*path, key), item, line, lines)
