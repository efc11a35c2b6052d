"""Pieces of a manual page in the macros of man(7), which man-db and mandoc both understand."""

from __future__ import annotations

import re
from collections.abc import Sequence


def escaped(text: str) -> str:
    """The text of one line, with nothing in it that roff would obey; what stands in `backticks` becomes bold."""
    parts = text.split("`")
    shown = [_plain(part) for part in parts]
    if len(parts) % 2 == 0:  # a lone backtick
        return _guarded("\\(ga".join(shown))
    return _guarded("".join(f"\\fB{part}\\fR" if number % 2 else part for number, part in enumerate(shown)))


def bold(text: str) -> str:
    """The text in bold."""
    return f"\\fB{_plain(text)}\\fR"


def italic(text: str) -> str:
    """The text in italics, as the names of values are set."""
    return f"\\fI{_plain(text)}\\fR"


def title(name: str, section: int, version: str) -> str:
    """The line that a page begins with."""
    return f'.TH {name.upper()} {section} "" "luzia {version}" "Manual of luzia"'


def section(heading: str) -> str:
    """The heading of a section."""
    return f".SH {_plain(heading).upper()}"


def subsection(heading: str) -> str:
    """The heading of a part of a section."""
    return f".SS {_plain(heading)}"


def entry(term: str, text: str) -> list[str]:
    """A term, which is roff already, with what is said of it indented below."""
    return [".TP", term, escaped(text) if text else "\\&"]


def prose(text: str) -> list[str]:
    """Paragraphs. Lines that are indented keep their form."""
    lines: list[str] = []
    for paragraph in text.strip("\n").split("\n\n"):
        if paragraph.startswith("  "):
            lines += as_it_stands(paragraph.splitlines())
        else:
            lines += [".PP", escaped(" ".join(paragraph.split()))]
    return lines


def as_it_stands(lines: Sequence[str]) -> list[str]:
    """Lines that are not filled."""
    return [".PP", ".nf", *(_guarded(_plain(line)) if line else "" for line in lines), ".fi"]


def _plain(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return text.replace("'", "\\(aq").replace("`", "\\(ga")


def _guarded(line: str) -> str:
    """A line of text that no roff takes for a request."""
    return f"\\&{line}" if re.match(r"[.']", line) else line
