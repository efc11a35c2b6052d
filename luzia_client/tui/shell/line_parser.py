"""Parses a line of the shell into a command, a task, or a builtin, and finds the jobs that it starts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from luzia_protocol.environment import is_path

from luzia_client.cli.args import command_line
from luzia_client.cli.args.command_line import ALIASES, COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.errors import UsageError
from luzia_client.tui.shell.quoting import Word, split, split_complete

BUILTINS = {
    "use": "set the project for plain tasks; without a name, unset it",
    "exit": "exit the shell to return (or Ctrl-D)",
}
"""The builtins: name -> help in one line. `help` without a word is also one."""

PROGRAM = "luzia"
TEXT_COMMANDS = ("dispatch", "send")
"""Commands whose last words are a text that keeps its line breaks."""
KEY = "--key"
_TAKE_KEY = (["batch"], ["graph", "run"])
"""Commands with a parser that dispatch jobs and take a key."""
_RESUMING = ("retry", "send")
"""Commands that run existing jobs again."""


class LineKind(Enum):
    """The kind of a line."""

    NOTHING = "nothing"
    COMMAND = "command"
    """`words` are the arguments of `luzia`."""
    TASK = "task"
    """Possibly a task for the current project. `words` are the arguments that would dispatch it."""
    USE = "use"
    HELP = "help"
    EXIT = "exit"


class ParsedLine(NamedTuple):
    """The kind of a line, and its words."""

    kind: LineKind
    words: Sequence[str] = ()


def parse_line(line: str, projects: Sequence[str] = (), using: str = "") -> ParsedLine:
    """Parse a line. Raises UsageError if a quote is open.

    projects: the names of known projects. using: the project for plain tasks; empty for none.
    """
    if line.lstrip().startswith("#"):
        return ParsedLine(LineKind.NOTHING)
    words = split_complete(line).words
    if words and words[0].text == PROGRAM:
        words = words[1:]
    if not words:
        return ParsedLine(LineKind.NOTHING)
    if words[0].text in ALIASES:
        words = [words[0]._replace(text=ALIASES[words[0].text]), *words[1:]]
    first, rest = words[0].text, [word.text for word in words[1:]]
    if first == "exit" and not rest:
        return ParsedLine(LineKind.EXIT)
    if first == "help" and not rest:
        return ParsedLine(LineKind.HELP)
    if first == "use" and len(rest) < 2:
        return ParsedLine(LineKind.USE, rest)
    if first in COMMANDS or first == "help" or not using or command_line.is_option(first):
        return ParsedLine(LineKind.COMMAND, command_words(words))
    if first in projects or is_path(first):
        return ParsedLine(LineKind.COMMAND, command_words(words))
    return ParsedLine(LineKind.TASK, command_words([Word("dispatch", 0, " "), Word(using, 0, " "), *words]))


def command_words(words: Sequence[Word]) -> list[str]:
    """The arguments of the command: a text of several lines becomes one word, which keeps its line breaks."""
    texts = [word.text for word in words]
    begin = _text_start(texts)
    if begin is None or all(word.gap == " " for word in words[begin + 1 :]):
        return texts
    joined = _join(words[begin:])
    if joined.startswith("@"):
        # A single such word would name a file with the text.
        head, _, tail = joined.partition("\n")
        return [*texts[:begin], head, "\n" + tail]
    return [*texts[:begin], joined]


def split_text(line: str, projects: Sequence[str] = (), using: str = "") -> tuple[str, str] | None:
    """Split a line before its task or message; None if it can have none."""
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
    """The words as one text, with the line breaks between them."""
    return "".join((word.gap if number else "") + word.text for number, word in enumerate(words))


def _text_start(texts: Sequence[str]) -> int | None:
    """The index of the first word of the task or message, or where it would be; None if there can be none."""
    first = texts[0]
    if first == "send":
        plain = [number for number, text in enumerate(texts) if number and not command_line.is_option(text)]
        return [*plain, len(texts)][1] if plain else None
    if first in COMMANDS and first not in TEXT_COMMANDS:
        return None
    options = texts[1:] if first == "dispatch" else texts
    try:
        arguments = command_line.parse_dispatch(list(options), "dispatch")
    except UsageError:
        return None  # the command reports the error
    return len(texts) - len(arguments.words) if arguments.project else None


class TrackedCommand(NamedTuple):
    """words: the command line, with a key if it dispatches jobs. key: that key. names: the jobs that it runs again."""

    words: list[str]
    key: str = ""
    names: Sequence[str] = ()


def track_jobs(words: Sequence[str], new_key: str) -> TrackedCommand:
    """The command line to run, and what identifies its jobs. new_key: its key, if it has none and takes one."""
    words = list(words)
    first = words[0]
    if first in _RESUMING:
        plain = [word for word in words[1:] if word[:1] != "-"]
        return TrackedCommand(words, names=plain[:1] if first == "send" else plain)
    if first in COMMANDS and first not in DISPATCH_COMMANDS:
        begin = next((len(name) for name in _TAKE_KEY if words[: len(name)] == name), 0)
        if not begin or any(word.partition("=")[0] == KEY for word in words):
            return TrackedCommand(words)
        return _add_key(words, begin, new_key)
    begin = 1 if first in DISPATCH_COMMANDS else 0
    try:
        arguments = command_line.parse_dispatch(words[begin:], "dispatch")
    except UsageError:
        return TrackedCommand(words)  # the command reports the error
    if arguments.help or arguments.key:
        return TrackedCommand(words, arguments.key)
    return _add_key(words, begin, new_key)


def _add_key(words: list[str], begin: int, key: str) -> TrackedCommand:
    return TrackedCommand([*words[:begin], KEY, key, *words[begin:]], key)
