"""What a line at the prompt asks for: a command, a task, or something of the shell's own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from luzia_protocol.caller import is_path

from luzia_client.cli.args import grammar
from luzia_client.cli.failure import UsageError
from luzia_client.cli.main import COMMANDS
from luzia_client.tui.shell.quoting import Word, split, split_complete

BUILTINS = {
    "use": "choose the project that bare tasks are for; alone, none",
    "exit": "leave the shell (or Ctrl-D)",
}
"""What the shell does itself: name -> help in one line. `help` alone is its own as well."""

PROGRAM = "luzia"
TEXT_COMMANDS = ("dispatch", "send")
"""Commands whose last words are a text, in which line breaks count."""


class LineKind(Enum):
    """What is asked for."""

    NOTHING = "nothing"
    COMMAND = "command"
    """`words` are a command line of luzia's without the program's name."""
    TASK = "task"
    """No command and no project: perhaps a task for the project in use. `words` are the dispatch that it would be."""
    USE = "use"
    HELP = "help"
    EXIT = "exit"


class ParsedLine(NamedTuple):
    """kind: what. words: its words, fit for running."""

    kind: LineKind
    words: Sequence[str] = ()


def parse_line(line: str, projects: Sequence[str] = (), using: str = "") -> ParsedLine:
    """What the line asks for. Raises UsageError when it is no line.

    projects: the names of the known ones. using: the project that bare tasks are for; empty for none.
    """
    if line.lstrip().startswith("#"):
        return ParsedLine(LineKind.NOTHING)
    words = split_complete(line).words
    if words and words[0].text == PROGRAM:
        words = words[1:]
    if not words:
        return ParsedLine(LineKind.NOTHING)
    first, rest = words[0].text, [word.text for word in words[1:]]
    if first == "exit" and not rest:
        return ParsedLine(LineKind.EXIT)
    if first == "help" and not rest:
        return ParsedLine(LineKind.HELP)
    if first == "use" and len(rest) < 2:
        return ParsedLine(LineKind.USE, rest)
    if first in COMMANDS or first == "help" or not using or grammar.is_option(first):
        return ParsedLine(LineKind.COMMAND, command_words(words))
    if first in projects or is_path(first):
        return ParsedLine(LineKind.COMMAND, command_words(words))
    return ParsedLine(
        LineKind.TASK, command_words([Word("dispatch", 0, " "), Word(using, 0, " "), Word("--", 0, " "), *words])
    )


def command_words(words: Sequence[Word]) -> list[str]:
    """The words for running the command: a text over several lines is one word, which keeps its line breaks."""
    texts = [word.text for word in words]
    begin = _text_start(texts)
    if begin is None or all(word.gap == " " for word in words[begin + 1 :]):
        return texts
    joined = _join(words[begin:])
    if joined.startswith("@"):
        # Alone, such a word would name a file that holds the text.
        head, _, tail = joined.partition("\n")
        return [*texts[:begin], head, "\n" + tail]
    return [*texts[:begin], joined]


def split_text(line: str, projects: Sequence[str] = (), using: str = "") -> tuple[str, str] | None:
    """The part of a line before its task or message, and that text; None when it is no line that has one."""
    found = split(line)
    words = found.words[1:] if found.texts[:1] == [PROGRAM] else found.words
    if found.open:
        return None
    if not words or parse_line(line, projects, using).kind is LineKind.TASK:
        return ("", _join(words)) if using else None
    begin = _text_start([word.text for word in words])
    if begin is None or words[0].text in BUILTINS:
        return None
    if begin == len(words):
        return f"{line.rstrip()} ", ""
    return line[: words[begin].start], _join(words[begin:])


def _join(words: Sequence[Word]) -> str:
    """The words as one text, with the line breaks that are between them."""
    return "".join((word.gap if number else "") + word.text for number, word in enumerate(words))


def _text_start(texts: Sequence[str]) -> int | None:
    """Where the words begin that are a task or a message, or would; None where there can be none."""
    first = texts[0]
    if first == "send":
        plain = [number for number, text in enumerate(texts) if number and not grammar.is_option(text)]
        return [*plain, len(texts)][1] if plain else None
    if first in COMMANDS and first not in TEXT_COMMANDS:
        return None
    options = texts[1:] if first == "dispatch" else texts
    try:
        asked = grammar.parse(list(options), "dispatch")
    except UsageError:
        return None  # the command says what is wrong
    return len(texts) - len(asked.words) if asked.project else None
