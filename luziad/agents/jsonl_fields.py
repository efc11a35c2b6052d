"""The fields of a mapping: `[TYPE:]EXPRESSION`, read from lines of TYPE only. Pure.

Mappings were once written `[TYPE:]PATH[=VALUE]`, with names separated by dots. Such a field becomes an expression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from luziad.agents.expressions import ExpressionError, Search, compile_expression

_RESERVED = r"""=\[\]{}()"'`|&!<>,*?"""
_TYPE = re.compile(rf"\s*(?P<type>[^:{_RESERVED}]*[^\s:{_RESERVED}])\s*:")
"""No expression begins like this: a colon is in brackets, braces or quotes."""

_NAME = rf"[^\s:.{_RESERVED}]+"
_PATH = re.compile(rf"""(?P<path>{_NAME}(?:\.{_NAME})*)(?:=(?P<value>(?![=\s"'`]).*))?""")
_CONSTANTS = ("true", "false", "null")


class Field(NamedTuple):
    """A field of a line. type: the line's type, None for any. search: the compiled expression."""

    type: str | None
    search: Search


def parse_field(text: str) -> Field:
    """Parse a field from the configuration. Raises ExpressionError, with the column in the whole text."""
    match = _TYPE.match(text)
    kind, start = (match["type"], match.end()) if match else (None, 0)
    start += len(text[start:]) - len(text[start:].lstrip())
    expression = text[start:]
    try:
        return Field(kind, compile_expression(expression))
    except ExpressionError as exc:
        path = _PATH.fullmatch(expression)
        if path is None:
            raise ExpressionError(exc.words, exc.column + start) from exc
        return Field(kind, compile_expression(_as_expression(path["path"].split("."), path["value"])))


def find_value(fields: Iterable[Field], event: Any) -> Any:
    """The value of the first of these fields that the line has; None when it has none."""
    for field in fields:
        found = field.search(event)
        if found is not None:
            return found
    return None


def _as_expression(names: list[str], value: str | None) -> str:
    """The expression for a path, or for whether what it leads to equals a value, which was written as a string."""
    path = ".".join(json.dumps(name) for name in names)
    if value is None:
        return path
    equal = f"{path} == {_literal(value)}"
    if value == "null":
        return f"{equal} || (contains(keys({_parent(names)}), {_literal(names[-1])}) && {path} == `null`)"
    if value in _CONSTANTS or _is_number(value):
        return f"{equal} || {path} == `{value}`"
    return equal


def _parent(names: list[str]) -> str:
    return ".".join(json.dumps(name) for name in names[:-1]) or "@"


def _literal(value: str) -> str:
    return "`" + json.dumps(value).replace("`", "\\`") + "`"


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value) is not None
