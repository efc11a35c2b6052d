"""A line as words, quoted as in a shell: pure, and also for a line that is still being typed."""

from __future__ import annotations

import re
from typing import NamedTuple

from luzia_client.cli.failure import UsageError
from luzia_client.cli.show.text import one_line

QUOTES = "'\""
BACKSLASH = "\\"
BLANK = " \t\r\n"

_PLAIN = re.compile(r"""[^ \t\r\n'"\\]+""")
_QUOTED = {"'": re.compile("([^']*)('?)"), '"': re.compile(r"""((?:[^"\\]|\\.)*+\\?)("?)""", re.DOTALL)}
_UNESCAPED = re.compile(r"""\\(["\\])""")


class Word(NamedTuple):
    """text: the word without its quotes. start: where it begins in the line.

    gap: how far it is from the word before: a space, or from the first line break on what is really there.
    """

    text: str
    start: int
    gap: str


class Split(NamedTuple):
    """A line's words.

    open: the quote that is not closed, or a backslash at the very end; empty when the line is whole. open_at: where
    that is. in_word: the line ends within its last word.
    """

    words: list[Word]
    open: str = ""
    open_at: int = 0
    in_word: bool = False

    @property
    def texts(self) -> list[str]:
        """The words alone."""
        return [word.text for word in self.words]


def split(line: str) -> Split:
    """The words of a line, as POSIX shells quote them: nothing is expanded, and a `#` is a character."""
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
    """The words of a line that is finished. Raises UsageError when a quote is still open."""
    found = split(line)
    if found.open == BACKSLASH:
        raise UsageError("the line ends with a backslash", "Write it twice when you mean one.")
    if found.open:
        raise UsageError(f"a quote is never closed: {one_line(line[found.open_at :], 40)}", closing_hint(found.open))
    return found


def closing_hint(quote: str) -> str:
    """What to do about a quote that is open, for a hint."""
    example = "don't" if quote == "'" else '6"'
    return f"Close it with {quote}, or escape it as {BACKSLASH}{quote} inside a word: {_escape_quotes(example)}"


def escape_inside(quote: str, text: str) -> str:
    """A text as it has to be written at a place where `quote` is open, or between quotes of its own when none is."""
    if quote == "'":
        return text.replace("'", "'\\''")
    escaped = text.replace(BACKSLASH, BACKSLASH * 2).replace('"', BACKSLASH + '"')
    return escaped if quote == '"' else f'"{escaped}"'


def quote_word(text: str) -> str:
    """The text as one word: as it is where that means the same."""
    plain = text and not any(character in BLANK + QUOTES + BACKSLASH for character in text)
    return text if plain else escape_inside("", text)


def _word(line: str, position: int) -> tuple[str, int, str, int]:
    """The word that begins at `position`, where it ends, and the quote that is open then with its place."""
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
    """A space, or a line break with all that follows it, so that a list in a task keeps its form."""
    _, newline, tail = between.partition("\n")
    return newline + tail if newline else " "


def _escape_quotes(text: str) -> str:
    return "".join(BACKSLASH + character if character in QUOTES else character for character in text)
