"""Values of config.toml as people type and read them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from luzia_client.cli.configuration.schema import KeyPath, Schema, takes_only_text


def parse_value(text: str, node: Schema) -> Any:
    """The value as TOML; the text itself if it cannot be parsed, or if only a string is possible."""
    try:
        value = tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
        if isinstance(value, str) or takes_only_text(node):
            return value if isinstance(value, str) else text
        return tomlkit.value(text)
    except (tomllib.TOMLDecodeError, TOMLKitError):
        return text


def format_value(value: Any) -> str:
    """A string as it is, and any other value as TOML; a table as the lines of its values."""
    if isinstance(value, dict):
        return "\n".join(format_lines(value))
    return value if isinstance(value, str) else tomlkit.item(value).as_string()


def format_lines(table: dict[str, Any], before: KeyPath = ()) -> Iterator[str]:
    """`daemon.max_running = 4` for each value."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from format_lines(value, (*before, name))
        else:
            yield f"{tomlkit.key([*before, name]).as_string()} = {tomlkit.item(value).as_string()}"
