"""The parts of completion that know no command: the line, the offers, asking the daemon, and what a shell wants.

On the way of every TAB: imports next to nothing.
"""

from __future__ import annotations

import _socket
import json
import os
import time

from luzia_protocol import paths

from luzia_client.cli.show.text import cut, one_line, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TIMEOUT_S = 0.4
"""A daemon that needs longer has other worries; TAB then offers what needs no daemon."""
_UNQUOTED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_BASH_WORD_BREAKS = "=:"
"""Where bash parts words by itself: it then wants only what comes behind."""


class Line:
    """before: the words that are complete. typed: the one that is being typed, as far as it goes.

    words: as the shell has them. bash parts them at = and :, which is undone here.
    """

    def __init__(self, shell: str, words: list[str]) -> None:
        whole: list[str] = []
        for number, word in enumerate(words):
            joined = shell == "bash" and whole and number and word[:1] and word[0] in _BASH_WORD_BREAKS
            after = shell == "bash" and number > 1 and words[number - 1] in ("=", ":", "::")
            if joined or after:
                whole[-1] += word
            else:
                whole.append(word)
        *self.before, self.typed = whole or [""]


class Candidates:
    """Words that may be put in the place of the one that is typed, with what is said of each.

    values: only those that begin as the word does. prefix: what stands before each of them on the line.
    """

    def __init__(self, typed: str, known: Mapping[str, str], *, files: bool = False, directories: bool = False) -> None:
        self.typed = typed
        self.values = {name: text for name, text in known.items() if name.startswith(typed)}
        self.prefix = ""
        self.files = files
        self.directories = directories and (not self.values or typed[:1] in (".", "/", "~"))
        self.instead = False

    def with_prefix(self, prefix: str) -> Candidates:
        """The same behind a prefix, such as `--state=`."""
        self.prefix = prefix + self.prefix
        return self

    def merge(self, other: Candidates) -> Candidates:
        """These and the others."""
        self.values |= {name: text for name, text in other.values.items() if name not in self.values}
        self.directories = self.directories and other.directories
        return self


def ask_daemon(request: Mapping[str, Any]) -> dict[str, Any]:
    """The daemon's answer; empty when there is none at once."""
    path = paths.socket_path()
    deadline = time.monotonic() + TIMEOUT_S
    answer = bytearray()
    try:
        paths.check_place(path)
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        sock.settimeout(TIMEOUT_S)
        sock.connect(path)
        sock.sendall(json.dumps(request).encode() + b"\n")
        while not answer.endswith(b"\n"):
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            data = sock.recv(1 << 18)
            if not data:
                return {}
            answer += data
    except OSError:
        return {}
    found = json.loads(answer)
    return found.get("ok") or {}


def format_candidates(offers: Candidates, shell: str) -> str:
    """The offers as the shell's script reads them."""
    names = {one_line(name, 500): one_line(text, 120) for name, text in offers.values.items() if name.isprintable()}
    how = [name for name in ("files", "directories", "instead") if getattr(offers, name)]
    how += ["nospace"] if names and all(name.endswith("=") for name in names) else []
    if shell == "bash":
        shown = _format_bash(names, offers.prefix, offers.typed)
    else:
        shown = (_format_zsh if shell == "zsh" else _format_fish)(names, offers.prefix)
    return "\n".join([" ".join(how), *shown]) + "\n"


def _format_fish(names: Mapping[str, str], prefix: str) -> list[str]:
    return [f"{prefix}{name}\t{text}" if text else f"{prefix}{name}" for name, text in names.items()]


def _format_zsh(names: Mapping[str, str], prefix: str) -> list[str]:
    """As `_describe` reads it: a colon between the word and what is said of it."""
    marks = str.maketrans({"\\": "\\\\", ":": "\\:"})
    return [f"{(prefix + name).translate(marks)}:{text}" for name, text in names.items()]


def _format_bash(names: Mapping[str, str], prefix: str, typed: str) -> list[str]:
    """One word as it is typed, or several with what is said of them: bash types only what they all begin with.

    When it is about to type one of several (COMP_TYPE), nothing may be said of them.
    """
    begin = max((prefix + typed).rfind(mark) for mark in _BASH_WORD_BREAKS) + 1
    words = {_quote((prefix + name)[begin:]): text for name, text in names.items()}
    if len(words) == 1 or os.environ.get("COMP_TYPE") in ("37", "42"):
        return list(words)
    widest = max(map(width, words), default=0)
    room = _terminal_width() - widest - 5
    return [
        f"{word}{' ' * (widest - width(word))}  ({cut(text, room)})" if text and room > 8 else word
        for word, text in words.items()
    ]


def _quote(word: str) -> str:
    """The word for a line of bash, where nothing in it means anything but itself."""
    return "".join(char if char in _UNQUOTED or not char.isascii() else f"\\{char}" for char in word)


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(0).columns or 80
    except OSError:
        return 80
