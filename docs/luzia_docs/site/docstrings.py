"""Parses docstrings that consist of a description and `name: text.` for each field."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from typing import NamedTuple


class Docstring(NamedTuple):
    """The description, and the text of each field."""

    description: str
    fields: dict[str, str]


def parse_docstring(docstring: str | None, names: Collection[str]) -> Docstring:
    """Parse a docstring. names: the known fields; `a, b: text` describes both."""
    text = inspect.cleandoc(docstring or "")
    name = "|".join(sorted(map(re.escape, names), key=len, reverse=True)) or r"(?!)"
    label = re.compile(rf"(?:^|(?<=[.;] )|(?<=\n))((?:{name})(?:,\s+(?:{name}))*): ")
    labels = list(label.finditer(text))
    fields: dict[str, str] = {}
    for number, match in enumerate(labels):
        end = labels[number + 1].start() if number + 1 < len(labels) else len(text)
        content = " ".join(text[match.end() : end].split())
        for field in re.split(r",\s+", match[1]):
            fields[field] = content
    description = text[: labels[0].start()] if labels else text
    return Docstring(description.strip(), fields)
