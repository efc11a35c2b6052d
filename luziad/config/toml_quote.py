"""Writes keys and strings as TOML has them; the standard library only reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def string(text: str) -> str:
    """The text as a TOML basic string: JSON's escapes are TOML's, which wants DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def dotted(path: Iterable[str]) -> str:
    """The dotted key, with quotes where a part needs them."""
    return ".".join(part if _BARE.fullmatch(part) else string(part) for part in path)
