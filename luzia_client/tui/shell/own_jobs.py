"""Which jobs a command line starts, so that their news can be told: a key finds them again. Pure but for dice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from luzia_client.cli.args import command_line
from luzia_client.cli.args.command_line import COMMANDS, DISPATCH_COMMANDS
from luzia_client.cli.args.errors import UsageError

KEY = "--key"
_KEYED = (["batch"], ["graph", "run"])
"""Commands with a parser that start jobs and take a key."""
_GO_ON = ("retry", "send")
"""Commands that let jobs that are there run again."""


class Ours(NamedTuple):
    """words: the command line, with a key if it starts jobs. key: that one. names: what it calls jobs that go on."""

    words: list[str]
    key: str = ""
    names: Sequence[str] = ()


def ours(words: Sequence[str]) -> Ours:
    """The command line as it is to be run, and what tells its jobs from others."""
    words = list(words)
    first = words[0]
    if first in _GO_ON:
        plain = [word for word in words[1:] if word[:1] != "-"]
        return Ours(words, names=plain[:1] if first == "send" else plain)
    if first in COMMANDS and first not in DISPATCH_COMMANDS:
        begin = next((len(name) for name in _KEYED if words[: len(name)] == name), 0)
        if not begin or any(word.partition("=")[0] == KEY for word in words):
            return Ours(words)
        return _keyed(words, begin)
    begin = 1 if first in DISPATCH_COMMANDS else 0
    try:
        asked = command_line.parse_dispatch(words[begin:], "dispatch")
    except UsageError:
        return Ours(words)  # the command says what is wrong
    if asked.help or asked.key:
        return Ours(words, asked.key)
    return _keyed(words, begin)


def _keyed(words: list[str], begin: int) -> Ours:
    key = f"auto-{os.urandom(12).hex()}"
    return Ours([*words[:begin], KEY, key, *words[begin:]], key)
