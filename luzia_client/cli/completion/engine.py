"""The parts of completion that know no command: the line, the candidates, the daemon, and the formats of the shells.

It runs at every TAB, so it imports next to nothing.
"""

from __future__ import annotations

import _socket
import os
import time

from luzia_protocol import environment

from luzia_client.cli.show.light_json import dump_object, load_object
from luzia_client.cli.show.text import cut, one_line, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TIMEOUT_S = 0.4
"""If the daemon takes longer, only candidates that need no daemon are offered."""
_UNQUOTED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_BASH_WORD_BREAKS = "=:"
"""Bash also splits words at these, and replaces only the part after them."""


class Line:
    """The words of a command line. before: the complete ones. typed: the one being typed.

    words: as the shell passes them. Bash splits them at = and :, which is undone here.
    """

    def __init__(self, shell: str, words: list[str]) -> None:
        joined: list[str] = []
        for number, word in enumerate(words):
            continues = shell == "bash" and joined and number and word[:1] and word[0] in _BASH_WORD_BREAKS
            after = shell == "bash" and number > 1 and words[number - 1] in ("=", ":", "::")
            if continues or after:
                joined[-1] += word
            else:
                joined.append(word)
        *self.before, self.typed = joined or [""]


class Candidates:
    """Completions of the typed word, each with a description.

    values: only those that start with the word. prefix: the text before each of them on the line.
    """

    def __init__(self, typed: str, known: Mapping[str, str], *, files: bool = False, directories: bool = False) -> None:
        self.typed = typed
        self.values = {name: text for name, text in known.items() if name.startswith(typed)}
        self.prefix = ""
        self.files = files
        self.directories = directories and (not self.values or typed[:1] in (".", "/", "~"))
        self.instead = False

    def with_prefix(self, prefix: str) -> Candidates:
        """Put a prefix, such as `--state=`, before the candidates; returns self."""
        self.prefix = prefix + self.prefix
        return self

    def merge(self, other: Candidates) -> Candidates:
        """Add other candidates; returns self."""
        self.values |= {name: text for name, text in other.values.items() if name not in self.values}
        self.directories = self.directories and other.directories
        return self


def ask_daemon(request: Mapping[str, Any]) -> dict[str, Any]:
    """The daemon's reply; empty if there is none in time."""
    path = environment.socket_path()
    deadline = time.monotonic() + TIMEOUT_S
    reply = bytearray()
    try:
        environment.check_socket_owner(path)
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        sock.settimeout(TIMEOUT_S)
        sock.connect(path)
        environment.check_peer(path, sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12))
        sock.sendall(dump_object(request))
        while not reply.endswith(b"\n"):
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            data = sock.recv(1 << 18)
            if not data:
                return {}
            reply += data
    except OSError:
        return {}
    return load_object(reply).get("ok") or {}


def format_candidates(offers: Candidates, shell: str) -> str:
    """The candidates in the format of the shell's script."""
    names = {one_line(name, 500): one_line(text, 120) for name, text in offers.values.items() if name.isprintable()}
    instructions = [name for name in ("files", "directories", "instead") if getattr(offers, name)]
    instructions += ["nospace"] if names and all(name.endswith("=") for name in names) else []
    if shell == "bash":
        shown = _format_bash(names, offers.prefix, offers.typed)
    else:
        shown = (_format_zsh if shell == "zsh" else _format_fish)(names, offers.prefix)
    return "\n".join([" ".join(instructions), *shown]) + "\n"


def _format_fish(names: Mapping[str, str], prefix: str) -> list[str]:
    return [f"{prefix}{name}\t{text}" if text else f"{prefix}{name}" for name, text in names.items()]


def _format_zsh(names: Mapping[str, str], prefix: str) -> list[str]:
    """The format of `_describe`: a colon between the word and its description."""
    marks = str.maketrans({"\\": "\\\\", ":": "\\:"})
    return [f"{(prefix + name).translate(marks)}:{text}" for name, text in names.items()]


def _format_bash(names: Mapping[str, str], prefix: str, typed: str) -> list[str]:
    """A single word to insert, or several with descriptions: bash inserts only their common prefix.

    Without descriptions when bash cycles through the words or inserts them all (COMP_TYPE).
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
    """The word quoted for bash."""
    return "".join(char if char in _UNQUOTED or not char.isascii() else f"\\{char}" for char in word)


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(0).columns or 80
    except OSError:
        return 80
