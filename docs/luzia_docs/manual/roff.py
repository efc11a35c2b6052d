"""Parts of a manual page in the macros of man(7), for man-db and mandoc."""

from __future__ import annotations

import re
from collections.abc import Sequence


def escape(text: str) -> str:
    """One line of text without roff requests; text in `backticks` becomes bold."""
    parts = text.split("`")
    shown = [_plain(part) for part in parts]
    if len(parts) % 2 == 0:  # a lone backtick
        return _guard("\\(ga".join(shown))
    return _guard("".join(f"\\fB{part}\\fR" if number % 2 else part for number, part in enumerate(shown)))


def bold(text: str) -> str:
    """The text in bold."""
    return f"\\fB{_plain(text)}\\fR"


def italic(text: str) -> str:
    """The text in italics, for the names of values."""
    return f"\\fI{_plain(text)}\\fR"


def title(name: str, section: int, version: str) -> str:
    """The first line of a page."""
    return f'.TH {name.upper()} {section} "" "luzia {version}" "Manual of luzia"'


def section(heading: str) -> str:
    """The heading of a section."""
    return f".SH {_plain(heading).upper()}"


def subsection(heading: str) -> str:
    """The heading of a subsection."""
    return f".SS {_plain(heading)}"


def entry(term: str, text: str) -> list[str]:
    """A term, in roff, with its explanation indented below."""
    return [".TP", term, escape(text) if text else "\\&"]


def prose(text: str) -> list[str]:
    """Paragraphs; indented ones are kept verbatim."""
    lines: list[str] = []
    for paragraph in text.strip("\n").split("\n\n"):
        if paragraph.startswith("  "):
            lines += verbatim(paragraph.splitlines())
        else:
            lines += [".PP", escape(" ".join(paragraph.split()))]
    return lines


def verbatim(lines: Sequence[str]) -> list[str]:
    """Lines that are not filled."""
    return [".PP", ".nf", *(_guard(_plain(line)) if line else "" for line in lines), ".fi"]


def _plain(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return text.replace("'", "\\(aq").replace("`", "\\(ga")


def _guard(line: str) -> str:
    """The line, protected if roff would read it as a request."""
    return f"\\&{line}" if re.match(r"[.']", line) else line
