"""Access to the decoded JSON of an agent's output: a missing value, or one of another type, reads as empty. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_TEXT_CHARS = 500
"""The longest text that is kept of an error or a message."""


def decode_json(json: bytes | str | msgspec.Raw) -> Any:
    """Decode a JSON text inside an event; None when it is not JSON."""
    try:
        return msgspec.json.decode(json)
    except (ValueError, RecursionError):
        return None


def as_text(value: object) -> str:
    """The value if it is a string, otherwise an empty string."""
    return value if isinstance(value, str) else ""


def value_at(value: object, *path: str) -> Any:
    """The value at `path` in nested objects; None when any step of it is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text_at(value: object, *path: str) -> str:
    """The string at `path`, or an empty string."""
    found = value_at(value, *path)
    return found if isinstance(found, str) else ""


def as_objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; empty when it is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def one_line(words: str, limit: int = MAX_TEXT_CHARS) -> str:
    """The text on one line without control characters, at most `limit` characters long."""
    words = words[: 4 * limit]
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
    line = " ".join(words.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
