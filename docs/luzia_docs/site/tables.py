"""Formats the types and defaults of struct fields, and Markdown tables."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

TYPE_NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time, RFC 3339",
    Any: "anything",
}
MACHINE_DEPENDENT = "depends on the machine"


def type_name(hint: Any) -> str:
    """A type in the terms of JSON: `string or null`, `list of integers`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in TYPE_NAMES:
        return TYPE_NAMES[hint]
    if hint is type(None):
        return "null"
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(one) for one in arguments if one is not msgspec.UnsetType)
    if origin in (list, tuple, frozenset, set):
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"object of {type_name(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint.__name__
    raise TypeError(f"no name for the type {hint}: add it to {__name__}")


def default_value(field: msgspec.structs.FieldInfo) -> str:
    """The default of a field in the syntax of JSON and TOML; empty if there is none."""
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
        return (
            MACHINE_DEPENDENT
            if getattr(field.default_factory, "__doc__", None) and isinstance(value, int | float)
            else inline_code(value)
        )
    return "" if field.default is None or field.default is msgspec.UNSET else inline_code(field.default)


def inline_code(value: Any) -> str:
    """A value in the syntax of JSON, as inline code."""
    return f"`{msgspec.json.encode(value).decode()}`"


def markdown_table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; characters that would end a cell are escaped."""
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
