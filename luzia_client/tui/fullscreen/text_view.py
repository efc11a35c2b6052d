"""Scrollable text that may grow at its end: transcripts, diffs, help. Pure.

The text is safe and may have colours, as SafeOutput makes it. Lines are wrapped only when they are shown.
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache

from prompt_toolkit.formatted_text import ANSI, to_formatted_text

from luzia_client.cli.show.text import cut, separate_emoji, width, wrap

MAX_LINES = 2000
MAX_LINE_CHARS = 2000
TAB = "    "
FOUND_MARGIN = 3
"""The lines below a found line that are shown, as far as there are any."""

Fragments = list[tuple[str, str]]
"""The pieces of a row, each a style and a text."""

_COLOUR = re.compile("(\x1b\\[[0-9;:]*m)")
_RESET = re.compile("\x1b\\[0*m")
_MAX_COLOURS = 200


class TextView:
    """Lines and a view of them that follows the end until it is scrolled up.

    max_lines: the lines that are kept. by_words: lines without colours are wrapped between words.
    """

    def __init__(self, text: str = "", max_lines: int = MAX_LINES, *, by_words: bool = False) -> None:
        self._by_words = by_words
        self._lines: deque[str] = deque([""], maxlen=max_lines)
        self._below = 0
        self._found: int | None = None  # the lines below the one that was found
        self.feed(text)

    @property
    def follows(self) -> bool:
        """True while the end is visible."""
        return self._below == 0

    def feed(self, text: str) -> None:
        """Append text; the view stays in place unless it follows the end."""
        first, *others = text.split("\n")
        self._lines[-1] = _overwrite(self._lines[-1] + first.replace("\t", TAB))
        for line in others:
            self._lines.append(_overwrite(_active_colours(self._lines[-1]) + line.replace("\t", TAB)))
        if self._below:
            self._below = min(self._below + len(others), len(self._lines) - 1)
        if self._found is not None:
            self._found += len(others)

    def find(self, text: str, step: int) -> bool:
        """Show the next line with the text, in upper or lower case, and highlight it; False if there is none.

        step: 1 to search down, -1 to search up. After the last line, the search continues at the other end.
        """
        lines, wanted = len(self._lines), text.casefold()
        begin = (
            lines if self._found is None and step < 0 else lines - 1 - (lines if self._found is None else self._found)
        )
        for distance in range(1, lines + 1):
            index = (begin + step * distance) % lines
            if wanted in _COLOUR.sub("", self._lines[index]).casefold():
                self._found = lines - 1 - index
                self._below = max(self._found - FOUND_MARGIN, 0)
                return True
        return False

    def end_search(self) -> None:
        """Highlight nothing; the next search begins at an end."""
        self._found = None

    def scroll(self, lines: int) -> None:
        """Move the view down by `lines`, or up if negative."""
        self._below = max(min(self._below - lines, len(self._lines) - 1), 0)

    def to_top(self) -> None:
        """Show the first line."""
        self._below = len(self._lines) - 1

    def to_end(self) -> None:
        """Show the end, and follow it."""
        self._below = 0

    def view(self, columns: int, rows: int) -> list[Fragments]:
        """The visible rows, at most `rows`, wrapped to `columns`."""
        shown: deque[Fragments] = deque()
        ended = len(self._lines) > 1 and not _COLOUR.sub("", self._lines[-1])
        last = len(self._lines) - (1 if ended else 0)
        index = max(min(last, len(self._lines) - self._below), 0)
        above = index
        while above > 0 and len(shown) < rows:
            above -= 1
            shown.extendleft(reversed(self._rows(above, columns)))
        while len(shown) < rows and index < last:  # the first line is visible: fill up from below
            shown.extend(self._rows(index, columns))
            index += 1
            self._below = len(self._lines) - index if index < last else 0
        while len(shown) > rows:
            shown.popleft()
        return list(shown)

    def _rows(self, index: int, columns: int) -> list[Fragments]:
        """The rows of a line, highlighted if it was found."""
        wrap_line = _wrap_words if self._by_words else _wrap
        rows = wrap_line(self._lines[index], columns)
        if self._found is None or len(self._lines) - 1 - index != self._found:
            return rows
        return [[(f"{style} reverse", text) for style, text in row] for row in rows]


def parse_fragments(line: str) -> Fragments:
    """The pieces of a line with colours."""
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
    """The row cut or padded to exactly `columns` columns; the padding has the style of the last piece."""
    found: Fragments = []
    left = columns
    for style, text in row:
        shown = cut(separate_emoji(text), left)
        found.append((style, shown))
        left -= width(shown)
        if left <= 0:
            return found
    return [*found, (row[-1][0] if row else "", " " * left)]


@lru_cache(maxsize=512)
def _style(colours: str) -> str:
    """The style that a terminal has after these escape sequences."""
    return str(to_formatted_text(ANSI(colours + "x"))[0][0]) if colours else ""


def _combine_colours(colours: str, escape: str) -> str:
    if _RESET.fullmatch(escape):
        return ""
    return (colours + escape)[-_MAX_COLOURS:] if len(colours) < _MAX_COLOURS else escape


def _active_colours(line: str) -> str:
    """The escape sequences in effect at the end of a line."""
    colours = ""
    for escape in _COLOUR.findall(line):
        colours = _combine_colours(colours, escape)
    return colours


def _overwrite(line: str) -> str:
    """The line after carriage returns have overwritten its start, at most MAX_LINE_CHARS long."""
    if "\r" in line:
        bare = line.rstrip("\r")
        line = bare.rpartition("\r")[2] + ("\r" if bare != line else "")
    return line if len(line) <= MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + "…"


def _wrap_words(line: str, columns: int) -> list[Fragments]:
    """The rows of a line, divided between words, with the indentation of the line."""
    text = line.lstrip(" ")
    indent = line[: len(line) - len(text)]
    if _COLOUR.search(line) or width(line) <= columns or 2 * len(indent) > columns:
        return _wrap(line, columns)
    return [[("", indent + row)] for row in wrap(separate_emoji(text), columns - len(indent))]


def _wrap(line: str, columns: int) -> list[Fragments]:
    """The rows of a line."""
    columns = max(columns, 1)
    pieces = parse_fragments(separate_emoji(line.rstrip("\r")))
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
