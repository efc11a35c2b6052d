"""Markdown tables of structs: what a field is called, what it may be, and what it means."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "time, RFC 3339", Any: "anything"}
GENERATED = "it depends on the machine"


def kind(hint: Any) -> str:
    """A type in words, as somebody reads it who writes JSON: `string or null`, `list of integers`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if hint is type(None):
        return "null"
    if origin is typing.Annotated:
        return kind(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(kind(one) for one in arguments)
    if origin in (list, tuple, frozenset, set):
        return f"list of {kind(arguments[0])}"
    if origin is dict:
        return f"object of {kind(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint.__name__
    raise TypeError(f"no words for {hint!r}: add them to {__name__}")


def default(field: msgspec.structs.FieldInfo) -> str:
    """A field's default as JSON or TOML writes it; empty when there is none to tell."""
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        made = field.default_factory()
        return (
            GENERATED
            if getattr(field.default_factory, "__doc__", None) and isinstance(made, int | float)
            else code(made)
        )
    return "" if field.default is None else code(field.default)


def code(value: Any) -> str:
    """A value as code."""
    return f"`{msgspec.json.encode(value).decode()}`"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; what would break a cell is escaped."""
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
