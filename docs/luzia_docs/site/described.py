"""Reads the house's form of docstrings: a sentence or two, then `name: text.` for each field."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from typing import NamedTuple


class Described(NamedTuple):
    """A docstring: what it says of the whole, and of each field that it names."""

    whole: str
    fields: dict[str, str]


def described(docstring: str | None, names: Collection[str]) -> Described:
    """Take a docstring apart. names: the fields that there are; `a, b: text` describes both."""
    text = inspect.cleandoc(docstring or "")
    one = "|".join(sorted(map(re.escape, names), key=len, reverse=True)) or r"(?!)"
    label = re.compile(rf"(?:^|(?<=[.;] )|(?<=\n))((?:{one})(?:,\s+(?:{one}))*): ")
    found = list(label.finditer(text))
    fields: dict[str, str] = {}
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        words = " ".join(text[match.end() : end].split())
        for name in re.split(r",\s+", match[1]):
            fields[name] = words
    whole = text[: found[0].start()] if found else text
    return Described(whole.strip(), fields)
