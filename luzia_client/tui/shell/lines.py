"""What a line at the prompt asks for: a command, a task, or something of the shell's own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from luzia_protocol.environment import is_path

from luzia_client.cli.args import command_line
from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.args.errors import UsageError
from luzia_client.tui.shell.words import Word, split, whole

OWN = {
    "use": "choose the project that bare tasks are for; alone, none",
    "exit": "leave the shell (or Ctrl-D)",
}
"""What the shell does itself: name -> help in one line. `help` alone is its own as well."""

PROGRAM = "luzia"
TAKE_TEXT = ("dispatch", "send")
"""Commands whose last words are a text, in which line breaks count."""


class Kind(Enum):
    """What is asked for."""

    NOTHING = "nothing"
    COMMAND = "command"
    """`words` are a command line of luzia's without the program's name."""
    TASK = "task"
    """No command and no project: perhaps a task for the project in use. `words` are the dispatch that it would be."""
    USE = "use"
    HELP = "help"
    EXIT = "exit"


class Asked(NamedTuple):
    """kind: what. words: its words, fit for running."""

    kind: Kind
    words: Sequence[str] = ()


def understood(line: str, projects: Sequence[str] = (), using: str = "") -> Asked:
    """What the line asks for. Raises UsageError when it is no line.

    projects: the names of the known ones. using: the project that bare tasks are for; empty for none.
    """
    if line.lstrip().startswith("#"):
        return Asked(Kind.NOTHING)
    words = whole(line).words
    if words and words[0].text == PROGRAM:
        words = words[1:]
    if not words:
        return Asked(Kind.NOTHING)
    first, rest = words[0].text, [word.text for word in words[1:]]
    if first == "exit" and not rest:
        return Asked(Kind.EXIT)
    if first == "help" and not rest:
        return Asked(Kind.HELP)
    if first == "use" and len(rest) < 2:
        return Asked(Kind.USE, rest)
    if first in COMMANDS or first == "help" or not using or command_line.is_option(first):
        return Asked(Kind.COMMAND, runnable(words))
    if first in projects or is_path(first):
        return Asked(Kind.COMMAND, runnable(words))
    return Asked(Kind.TASK, runnable([Word("dispatch", 0, " "), Word(using, 0, " "), Word("--", 0, " "), *words]))


def runnable(words: Sequence[Word]) -> list[str]:
    """The words for running the command: a text over several lines is one word, which keeps its line breaks."""
    texts = [word.text for word in words]
    begin = _text_begins(texts)
    if begin is None or all(word.gap == " " for word in words[begin + 1 :]):
        return texts
    joined = _joined(words[begin:])
    if joined.startswith("@"):
        # Alone, such a word would name a file that holds the text.
        head, _, tail = joined.partition("\n")
        return [*texts[:begin], head, "\n" + tail]
    return [*texts[:begin], joined]


def parted(line: str, projects: Sequence[str] = (), using: str = "") -> tuple[str, str] | None:
    """The part of a line before its task or message, and that text; None when it is no line that has one."""
    found = split(line)
    words = found.words[1:] if found.texts[:1] == [PROGRAM] else found.words
    if found.open:
        return None
    if not words or understood(line, projects, using).kind is Kind.TASK:
        return ("", _joined(words)) if using else None
    begin = _text_begins([word.text for word in words])
    if begin is None or words[0].text in OWN:
        return None
    if begin == len(words):
        return f"{line.rstrip()} ", ""
    return line[: words[begin].start], _joined(words[begin:])


def _joined(words: Sequence[Word]) -> str:
    """The words as one text, with the line breaks that are between them."""
    return "".join((word.gap if number else "") + word.text for number, word in enumerate(words))


def _text_begins(texts: Sequence[str]) -> int | None:
    """Where the words begin that are a task or a message, or would; None where there can be none."""
    first = texts[0]
    if first == "send":
        plain = [number for number, text in enumerate(texts) if number and not command_line.is_option(text)]
        return [*plain, len(texts)][1] if plain else None
    if first in COMMANDS and first not in TAKE_TEXT:
        return None
    options = texts[1:] if first == "dispatch" else texts
    try:
        asked = command_line.parse_dispatch(list(options), "dispatch")
    except UsageError:
        return None  # the command says what is wrong
    return len(texts) - len(asked.words) if asked.project else None
