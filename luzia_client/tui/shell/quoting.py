"""Splits a line into words, quoted as in a shell, also while it is being typed. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.text import one_line

QUOTES = "'\""
BACKSLASH = "\\"
BLANK = " \t\r\n"
MAX_LINE_CHARS = 64 * 1024
"""A longer line is not analysed while it is being typed, so that typing never blocks."""

_PLAIN = re.compile(r"""[^ \t\r\n'"\\]+""")
_QUOTED = {"'": re.compile("([^']*)('?)"), '"': re.compile(r"""((?:[^"\\]|\\.)*+\\?)("?)""", re.DOTALL)}
_UNESCAPED = re.compile(r"""\\(["\\])""")
_CLOSING_HINTS = {
    "'": r"Close it with ', or escape it as \' inside a word: don\'t",
    '"': r'Close it with ", or escape it as \" inside a word: 6\"',
}


class Word(NamedTuple):
    """text: the word without its quotes. start: where it starts in the line.

    gap: what separates it from the previous word: a space, or the text from the first line break on.
    """

    text: str
    start: int
    gap: str


class Split(NamedTuple):
    """The words of a line.

    open: the quote that is not closed, or a backslash at the end; empty if the line is complete. open_at: its position.
    in_word: the line ends inside its last word.
    """

    words: list[Word]
    open: str = ""
    open_at: int = 0
    in_word: bool = False

    @property
    def texts(self) -> list[str]:
        """The texts of the words."""
        return [word.text for word in self.words]


def split(line: str) -> Split:
    """Split a line by the quoting rules of POSIX shells; nothing is expanded, and `#` is an ordinary character."""
    words: list[Word] = []
    position = 0
    while True:
        begin = position
        while position < len(line) and line[position] in BLANK:
            position += 1
        if position == len(line):
            return Split(words)
        start = position
        text, position, quote, quote_at = _word(line, start)
        words.append(Word(text, start, _gap(line[begin:start])))
        if quote:
            return Split(words, quote, quote_at, in_word=True)
        if position == len(line):
            return Split(words, in_word=True)


def split_complete(line: str) -> Split:
    """Split a complete line. Raises UsageError if a quote is open."""
    found = split(line)
    if found.open == BACKSLASH:
        raise UsageError("the line ends with a backslash", "Write it twice for a literal backslash.")
    if found.open:
        raise UsageError(f"unclosed quote: {one_line(line[found.open_at :], 40)}", _CLOSING_HINTS[found.open])
    return found


def escape_inside(quote: str, text: str) -> str:
    """Escape a text for a place where `quote` is open; without an open quote, quote it."""
    if quote == "'":
        return text.replace("'", "'\\''")
    escaped = text.replace(BACKSLASH, BACKSLASH * 2).replace('"', BACKSLASH + '"')
    return escaped if quote == '"' else f'"{escaped}"'


def quote_word(text: str) -> str:
    """The text as one word, quoted only if needed."""
    plain = text and not any(character in BLANK + QUOTES + BACKSLASH for character in text)
    return text if plain else escape_inside("", text)


def _word(line: str, position: int) -> tuple[str, int, str, int]:
    """The word that starts at `position`, its end, and the open quote with its position."""
    parts: list[str] = []
    while position < len(line) and line[position] not in BLANK:
        character = line[position]
        if character in QUOTES:
            match = _QUOTED[character].match(line, position + 1)
            assert match is not None
            parts.append(_UNESCAPED.sub(r"\1", match[1]) if character == '"' else match[1])
            if not match[2]:
                return "".join(parts), len(line), character, position
            position = match.end()
        elif character == BACKSLASH:
            following = line[position + 1 : position + 2]
            if not following:
                return "".join(parts), len(line), BACKSLASH, position
            parts.append(following if following != "\n" else "")
            position += 2
        else:
            match = _PLAIN.match(line, position)
            assert match is not None
            parts.append(match[0])
            position = match.end()
    return "".join(parts), position, "", 0


def _gap(between: str) -> str:
    """A space, or a line break with the text after it, so that a list in a task keeps its form."""
    _, newline, tail = between.partition("\n")
    return newline + tail if newline else " "
