"""Text that grows at its end and is looked at through a window: transcripts, diffs, help. Pure.

It is harmless text with colours, as cli/safe_output.py makes it. Lines are wrapped only when they are shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from functools import lru_cache

from prompt_toolkit.formatted_text import ANSI, to_formatted_text

from luzia_client.cli.show.text import cut, width

MAX_LINES = 2000
MAX_LINE_CHARS = 2000
TAB = "    "

Fragments = list[tuple[str, str]]
"""Pieces of a row: a style and a text each."""

_COLOUR = re.compile("(\x1b\\[[0-9;:]*m)")
_RESET = re.compile("\x1b\\[0*m")
_MAX_COLOURS = 200


class TextView:
    """Lines with a view on them that follows the end until somebody scrolls up. most: lines that are kept."""

    def __init__(self, text: str = "", most: int = MAX_LINES) -> None:
        self._lines: deque[str] = deque([""], maxlen=most)
        self._below = 0
        self.feed(text)

    @property
    def follows(self) -> bool:
        """True while the end is in view."""
        return self._below == 0

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to show."""
        return len(self._lines) == 1 and not self._lines[0]

    def feed(self, text: str) -> None:
        """Add text at the end; the view stays where it is unless it follows."""
        first, *others = text.split("\n")
        self._lines[-1] = _overwrite(self._lines[-1] + first.replace("\t", TAB))
        for line in others:
            self._lines.append(_overwrite(_active_colours(self._lines[-1]) + line.replace("\t", TAB)))
        if self._below:
            self._below = min(self._below + len(others), len(self._lines) - 1)

    def scroll(self, lines: int) -> None:
        """Move the view down by so many lines, or up."""
        self._below = max(min(self._below - lines, len(self._lines) - 1), 0)

    def to_top(self) -> None:
        """View the first line."""
        self._below = len(self._lines) - 1

    def to_end(self) -> None:
        """View the end, and follow it."""
        self._below = 0

    def view(self, columns: int, rows: int) -> list[Fragments]:
        """At most so many rows, wrapped to so many columns."""
        shown: deque[Fragments] = deque()
        ended = len(self._lines) > 1 and not _COLOUR.sub("", self._lines[-1])
        last = len(self._lines) - (1 if ended else 0)
        index = max(min(last, len(self._lines) - self._below), 0)
        above = index
        while above > 0 and len(shown) < rows:
            above -= 1
            shown.extendleft(reversed(_wrap(self._lines[above], columns)))
        while len(shown) < rows and index < last:  # the first line is in view: nothing more can be scrolled up
            shown.extend(_wrap(self._lines[index], columns))
            index += 1
            self._below = len(self._lines) - index if index < last else 0
        while len(shown) > rows:
            shown.popleft()
        return list(shown)


def parse_fragments(line: str) -> Fragments:
    """A line with colours in it, as pieces."""
    if "\x1b" not in line:
        return [("", line)]
    pieces: Fragments = []
    colours = ""
    for index, part in enumerate(_COLOUR.split(line)):
        if index % 2:
            colours = _combine_colours(colours, part)
        elif part:
            pieces.append((_style(colours), part))
    return pieces or [("", "")]


def fit(row: Fragments, columns: int) -> Fragments:
    """The row cut or filled to exactly so many columns; what fills it has the style of its end."""
    found: Fragments = []
    left = columns
    for style, text in row:
        shown = cut(text, left)
        found.append((style, shown))
        left -= width(shown)
        if left <= 0:
            return found
    return [*found, (row[-1][0] if row else "", " " * left)]


def plain(lines: Iterable[Fragments]) -> list[str]:
    """The rows without their styles."""
    return ["".join(text for _, text in line) for line in lines]


@lru_cache(maxsize=512)
def _style(colours: str) -> str:
    """The style that a terminal would have after these escape sequences."""
    return str(to_formatted_text(ANSI(colours + "x"))[0][0]) if colours else ""


def _combine_colours(colours: str, escape: str) -> str:
    if _RESET.fullmatch(escape):
        return ""
    return (colours + escape)[-_MAX_COLOURS:] if len(colours) < _MAX_COLOURS else escape


def _active_colours(line: str) -> str:
    """The escape sequences that are in force at the end of a line, and so at the beginning of the next."""
    colours = ""
    for escape in _COLOUR.findall(line):
        colours = _combine_colours(colours, escape)
    return colours


def _overwrite(line: str) -> str:
    """What is left of a line whose beginning was written over, of at most MAX_LINE_CHARS characters."""
    if "\r" in line:
        bare = line.rstrip("\r")
        line = bare.rpartition("\r")[2] + ("\r" if bare != line else "")
    return line if len(line) <= MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + "…"


def _wrap(line: str, columns: int) -> list[Fragments]:
    """The rows that a line takes."""
    columns = max(columns, 1)
    pieces = parse_fragments(line.rstrip("\r"))
    if sum(width(text) for _, text in pieces) <= columns:
        return [pieces]
    rows: list[Fragments] = [[]]
    room = columns
    for style, text in pieces:
        begin = 0
        for index, character in enumerate(text):
            wide = width(character)
            if wide > room:
                rows[-1].append((style, text[begin:index]))
                rows.append([])
                begin, room = index, columns
            room -= wide
        rows[-1].append((style, text[begin:]))
    return rows
