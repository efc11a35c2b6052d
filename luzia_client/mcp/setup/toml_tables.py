"""Adds and removes tables in the text of a TOML file, and leaves the rest of it as it is. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence

Value = str | Sequence[str]

_HEADER = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")


def add_table(text: str, header: str, values: Mapping[str, Value]) -> str:
    """The text with a table at its end. header: with its brackets."""
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    begun = text.rstrip("\n")
    return "\n".join([*([begun, ""] if begun else []), header, *lines, ""])


def remove_tables(text: str, is_unwanted: Callable[[str, str], bool]) -> str:
    """The text without some tables. is_unwanted: says so by the name of a table and by its text, header included.

    A comment that follows such a table stays: it belongs to the next one.
    """
    tables = _tables(text)
    if not any(is_unwanted(*table) for table in tables):
        return text
    rest = "".join(_ending(block) if is_unwanted(name, block) else block for name, block in tables).rstrip("\n")
    return f"{rest}\n" if rest else ""


def _ending(block: str) -> str:
    """The comments after the last value of a table, which belong to the next one."""
    lines = block.splitlines(keepends=True)
    first = len(lines)
    while first and (not lines[first - 1].strip() or lines[first - 1].lstrip().startswith("#")):
        first -= 1
    while first < len(lines) and not lines[first].strip():
        first += 1
    return "".join(lines[first:])


def _tables(text: str) -> list[tuple[str, str]]:
    """The tables in the text, each with its name; what precedes the first one has an empty name.

    A line in a string of several lines may look like a header. Such a piece has a name that nobody asks for, or the
    result is no valid TOML, which the caller checks.
    """
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        if (header := _HEADER.match(line)) is not None:
            found.append((header[1], []))
        found[-1][1].append(line)
    return [(name, "".join(lines)) for name, lines in found]


def value_in(block: str, name: str) -> object:
    """A value in the text of one table; None if it is not there."""
    body = block.partition("\n")[2]
    try:
        return tomllib.loads(body).get(name)
    except tomllib.TOMLDecodeError:
        return None
