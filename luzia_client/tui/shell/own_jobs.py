"""Which jobs a command line starts or resumes: a key identifies those that it dispatches. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from luzia_client.cli.args import command_line
from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.errors import UsageError

KEY = "--key"
_TAKE_KEY = (["batch"], ["graph", "run"])
"""Commands with a parser that dispatch jobs and take a key."""
_RESUMING = ("retry", "send")
"""Commands that run existing jobs again."""


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
