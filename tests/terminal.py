"""A program on a terminal of its own: a pseudo-terminal with an emulator behind it, which a test reads and types on."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyte

DEADLINE_S = 60.0
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "delete": "\x1b[3~",
    "ctrl-c": "\x03",
    "ctrl-d": "\x04",
    "ctrl-l": "\x0c",
    "ctrl-r": "\x12",
    "ctrl-z": "\x1a",
}
WHEEL_UP, WHEEL_DOWN = 64, 65

# The new session takes the terminal for its own, so that a resize and Ctrl-C are told to it.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class _Emulator(pyte.Screen):
    """Answers what programs ask a terminal, such as where its cursor is."""

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], object]) -> None:
        super().__init__(columns, rows)
        self._reply = reply

    def write_process_input(self, data: str) -> None:
        self._reply(data.encode())


class Terminal:
    """One program and what it shows. Use it with `terminal`, which ends the program too.

    raw: every byte that the program has written. process: the program.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        columns: int,
        rows: int,
        term: str,
        bytes_per_s: float | None,
    ) -> None:
        self._bytes_per_s = bytes_per_s
        self._ours, theirs = pty.openpty()
        self.raw = b""
        self._lock = threading.Lock()
        self._screen = _Emulator(columns, rows, self._write)
        self._stream = pyte.ByteStream(self._screen)
        self._size(columns, rows)
        self.modes_before = termios.tcgetattr(self._ours)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *argv],
            env={**env, "TERM": term},
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # What it shows

    @property
    def lines(self) -> list[str]:
        """The rows of the screen, without spaces at their ends."""
        with self._lock:
            return [_row(self._screen, row) for row in range(self._screen.lines)]

    @property
    def text(self) -> str:
        """The rows of the screen as one text."""
        return "\n".join(self.lines)

    def until(self, holds: Callable[[Terminal], object], what: str) -> None:
        """Wait until something holds of the screen; fails with what is shown instead."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds(self):
            assert time.monotonic() < deadline, f"never happened: {what}; on the screen:\n{self.text}"
            time.sleep(0.01)

    def shows(self, *words: str) -> None:
        """Wait until all the words are on the screen at once."""
        self.until(lambda screen: _has(screen.text, words), f"{words} on the screen")

    def shows_no_more(self, *words: str) -> None:
        """Wait until none of the words is on the screen."""
        self.until(lambda screen: not any(word in screen.text for word in words), f"no {words} on the screen")

    def row_of(self, word: str) -> int:
        """The number of the first row that has the word; the top one is 0."""
        self.shows(word)
        return next(number for number, line in enumerate(self.lines) if word in line)

    def styles_of(self, word: str) -> set[tuple[str, bool]]:
        """Foreground colours of the word's characters where it is shown first, and whether they are reversed."""
        row = self.row_of(word)
        column = self.lines[row].index(word)
        with self._lock:
            cells = [self._screen.buffer[row][column + offset] for offset in range(len(word))]
        return {(cell.fg, cell.reverse) for cell in cells}

    def cells(self) -> list[list[pyte.screens.Char]]:
        """Every row's characters with their colours; the second half of a wide one is empty."""
        with self._lock:
            return [[row[column] for column in range(self._screen.columns)] for row in self._rows()]

    def _rows(self) -> list[Mapping[int, pyte.screens.Char]]:
        return [self._screen.buffer[number] for number in range(self._screen.lines)]

    # What is done to it

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._write(text.encode())

    def press(self, *keys: str) -> None:
        """Press keys by their names in KEYS; any other word is typed."""
        for key in keys:
            self._write(KEYS.get(key, key).encode())

    def click(self, column: int, row: int) -> None:
        """Click with the left button; both are counted from 0."""
        self._write(f"\x1b[<0;{column + 1};{row + 1}M\x1b[<0;{column + 1};{row + 1}m".encode())

    def wheel(self, column: int, row: int, direction: int) -> None:
        """Turn the wheel by one notch: WHEEL_UP or WHEEL_DOWN."""
        self._write(f"\x1b[<{direction};{column + 1};{row + 1}M".encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        with self._lock:
            self._screen.resize(rows, columns)
        self._size(columns, rows)

    def ended(self) -> int:
        """Wait until the program has ended and all that it wrote is read; returns its exit status."""
        status = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return status

    def is_as_before(self) -> bool:
        """True when line editing, echo and the other modes are those from before the program."""
        return termios.tcgetattr(self._ours) == self.modes_before

    def close(self) -> None:
        """End the program if it goes on, and let go of the terminal."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.ended()
        os.close(self._ours)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536 if self._bytes_per_s is None else 64)
            except OSError:  # EIO: nobody has the other side open any more
                return
            if not data:
                return
            with self._lock:
                self.raw += data
                self._stream.feed(data)
            if self._bytes_per_s is not None and self.process.poll() is None:
                time.sleep(len(data) / self._bytes_per_s)

    def _write(self, data: bytes) -> None:
        os.write(self._ours, data)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _row(screen: pyte.Screen, row: int) -> str:
    cells = screen.buffer[row]
    return "".join(cells[column].data for column in range(screen.columns)).rstrip()


def _has(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


@contextmanager
def terminal(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str = "/",
    columns: int = 80,
    rows: int = 24,
    term: str = "xterm-256color",
    bytes_per_s: float | None = None,
) -> Iterator[Terminal]:
    """A program on a terminal for a `with` block, in which it is ended.

    bytes_per_s: how slow the line to the terminal is; None is no limit.
    """
    running = Terminal(argv, env, cwd, columns, rows, term, bytes_per_s)
    try:
        yield running
    finally:
        running.close()
