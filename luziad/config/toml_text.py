"""The text of a TOML file: the lines of its statements, which tomllib does not give, and quoting. Pure.

A statement (a table header, or a key with its value) is the fewest lines that can be parsed alone.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Path = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Statement(NamedTuple):
    """A statement on the lines `first` to `last`, from 1. path: the key or table that it defines."""

    path: Path
    value: Any
    first: int
    last: int


def parse_statements(text: str) -> Iterator[Statement]:
    """The statements of a valid TOML text, in order."""
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
        path, value = _split_value(parsed)
        if pending[0].lstrip().startswith("["):
            table = path
            yield Statement(path, value, first, number)
        else:
            yield Statement(table + path, value, first, number)
        pending = []


def _split_value(parsed: dict[str, Any]) -> tuple[Path, Any]:
    """The path to the first value that is not a table with one key, and the value."""
    path: Path = ()
    value: Any = parsed
    while isinstance(value, dict) and len(value) == 1:
        ((key, value),) = value.items()
        path += (key,)
        if isinstance(value, list) and len(value) == 1 and value[0] == {}:
            value = {}
    return path, value


def find_lines(text: str) -> dict[Path, int]:
    """The first line of each key and table of a valid TOML text."""
    lines: dict[Path, int] = {}
    for statement in parse_statements(text):
        for length in range(1, len(statement.path) + 1):
            lines.setdefault(statement.path[:length], statement.first)
        _add_nested(statement.path, statement.value, statement.first, lines)
    return lines


def _add_nested(path: Path, value: Any, line: int, lines: dict[Path, int]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            lines.setdefault((*path, key), line)
            _add_nested((*path, key), item, line, lines)


def quote_string(text: str) -> str:
    """The text as a TOML basic string, which has the escapes of JSON, and escapes DEL too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def format_key(path: Iterable[str]) -> str:
    """The dotted key, with quotes around the parts that need them."""
    return ".".join(part if _BARE.fullmatch(part) else quote_string(part) for part in path)
