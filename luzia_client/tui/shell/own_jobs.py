"""Which jobs a command line starts, so that their news can be told: a key finds them again. Pure but for dice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from luzia_client.cli.args import grammar
from luzia_client.cli.failure import UsageError
from luzia_client.cli.main import COMMANDS, OWN_GRAMMAR

KEY = "--key"
_TAKE_KEY = (["batch"], ["graph", "run"])
"""Commands with a parser that start jobs and take a key."""
_RESUMING = ("retry", "send")
"""Commands that let jobs that are there run again."""


class TrackedCommand(NamedTuple):
    """words: the command line, with a key if it starts jobs. key: that one. names: what it calls jobs that go on."""

    words: list[str]
    key: str = ""
    names: Sequence[str] = ()


def track_jobs(words: Sequence[str]) -> TrackedCommand:
    """The command line as it is to be run, and what tells its jobs from others."""
    words = list(words)
    first = words[0]
    if first in _RESUMING:
        plain = [word for word in words[1:] if word[:1] != "-"]
        return TrackedCommand(words, names=plain[:1] if first == "send" else plain)
    if first in COMMANDS and first not in OWN_GRAMMAR:
        begin = next((len(name) for name in _TAKE_KEY if words[: len(name)] == name), 0)
        if not begin or any(word.partition("=")[0] == KEY for word in words):
            return TrackedCommand(words)
        return _add_key(words, begin)
    begin = 1 if first in OWN_GRAMMAR else 0
    try:
        asked = grammar.parse(words[begin:], "dispatch")
    except UsageError:
        return TrackedCommand(words)  # the command says what is wrong
    if asked.help or asked.key:
        return TrackedCommand(words, asked.key)
    return _add_key(words, begin)


def _add_key(words: list[str], begin: int) -> TrackedCommand:
    key = f"auto-{os.urandom(12).hex()}"
    return TrackedCommand([*words[:begin], KEY, key, *words[begin:]], key)
