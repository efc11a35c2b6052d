"""The history of entered lines across sessions: a private file of bounded size, one JSON string per line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from prompt_toolkit.history import History

from luzia_protocol import environment
from luzia_protocol.regular_files import open_regular

from luzia_client.cli.args.command_line import COMMON_OPTIONS
from luzia_client.tui.shell.quoting import split

MAX_LINES = 1000
MAX_BYTES = 1024 * 1024
MAX_LINE_BYTES = 64 * 1024


def history_file() -> str:
    """The path of the history."""
    return os.path.join(environment.state_dir(), "shell_history")


class PersistentHistory(History):
    """A history in a file, which several shells may write at once.

    A line that starts with a space or sets a variable is kept until the shell exits, and not saved.
    problem: why the file cannot be used, or empty.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.problem = ""
        self._path = path
        self._lines: list[str] = []
        try:
            self._lines = _load(path)
        except OSError as exc:
            self._disable(exc)

    def load_history_strings(self) -> Iterable[str]:
        """The lines, newest first."""
        return reversed(self._lines)

    def store_string(self, string: str) -> None:
        """Append a line to the file."""
        data = _encode(string)
        if self.problem or is_private(string) or len(data) > MAX_LINE_BYTES:
            return
        try:
            file = open_regular(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(file, data)
            finally:
                os.close(file)
        except OSError as exc:
            self._disable(exc)

    def _disable(self, exc: OSError) -> None:
        self.problem = f"the history is not saved: {self._path}: {exc.strerror}"


def is_private(line: str) -> bool:
    """True for a line that must not be saved: the value of a variable may be a secret."""
    if line[:1] in (" ", "\t"):
        return True
    return any(COMMON_OPTIONS.get(word.partition("=")[0]) == "--env" for word in split(line).texts)


def _load(path: str) -> list[str]:
    """The newest lines of the file, which is shortened if it has many more. Raises OSError."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        with open(open_regular(path, os.O_RDONLY), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - 2 * MAX_BYTES, 0))
            raw = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    raw = raw[1:] if size > 2 * MAX_BYTES else raw
    lines = [line for line in map(_decode, raw) if line]
    kept = _select_newest(lines)
    if size > 2 * MAX_BYTES or len(lines) > 2 * MAX_LINES:
        _replace(path, kept)
    return kept


def _select_newest(lines: list[str]) -> list[str]:
    """As many of the newest lines as fit."""
    room, begin = MAX_BYTES, len(lines)
    while begin > max(len(lines) - MAX_LINES, 0) and (room := room - len(_encode(lines[begin - 1]))) >= 0:
        begin -= 1
    return lines[begin:]


def _replace(path: str, lines: list[str]) -> None:
    new = f"{path}.{os.getpid()}"
    file = open_regular(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with open(file, "wb") as out:
        out.write(b"".join(map(_encode, lines)))
    os.replace(new, path)


def _encode(line: str) -> bytes:
    return json.dumps(line).encode() + b"\n"


def _decode(data: bytes) -> str:
    """The line; empty if it is incomplete, so that a crash during a write costs no other line."""
    try:
        line = json.loads(data)
    except ValueError:
        return ""
    return line if isinstance(line, str) else ""
