"""Redraws a block of lines in place at the end of a terminal's output, without flicker."""

from __future__ import annotations

import os
import re
import termios
from collections.abc import Sequence
from typing import TextIO

from luzia_client.cli.show.screen import terminal_size
from luzia_client.cli.show.text import width

HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"
# Without wrapping, a character that is wider than expected cannot move the lines below it.
NO_WRAP = "\x1b[?7l"
WRAP = "\x1b[?7h"
CLEAR_TO_END_OF_LINE = "\x1b[K"
CLEAR_BELOW = "\x1b[J"

_SGR = re.compile("\x1b\\[[0-9;]*m")


class Painter:
    """A block of lines that is redrawn in place. Use it as a context manager.

    out: the terminal. keys: the terminal input whose echo is switched off meanwhile; None for none.
    """

    def __init__(self, out: TextIO, keys: int | None) -> None:
        self._out = out
        self._keys = keys
        self._keys_before: list[int | list[bytes | int]] | None = None
        self._drawn: list[str] = []
        self._widths: list[int] = []
        self._columns = 0

    def __enter__(self) -> Painter:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Hide the cursor and switch off the echo of keys."""
        self._keys_before = _without_echo(self._keys)
        self._write(HIDE_CURSOR + NO_WRAP)

    def release(self) -> None:
        """Restore the terminal; the block stays, and the next one is drawn below it."""
        self._write(WRAP + SHOW_CURSOR)
        if self._keys is not None and self._keys_before is not None:
            termios.tcsetattr(self._keys, termios.TCSANOW, self._keys_before)
        self._drawn, self._widths = [], []

    def draw(self, lines: Sequence[str]) -> None:
        """Draw these lines in place of the previous ones.

        lines: fewer than the terminal has rows, so that none scrolls away.
        """
        columns, rows = terminal_size(self._out)
        resized = columns != self._columns
        if list(lines) == self._drawn and not resized:
            return
        # After a resize the terminal has rewrapped the block: count the rows that it takes now.
        up = min(sum(max(-(-wide // columns), 1) for wide in self._widths), rows - 1)
        widths = [width(_SGR.sub("", line)) for line in lines]
        parts = [f"\x1b[{up}A\r" if up else ""]
        if resized and up:
            parts.append(CLEAR_BELOW)  # the terminal would otherwise join wrapped rows later
        for line, wide in zip(lines, widths, strict=True):
            # After a full line the cursor is still on its last character, which must not be cleared.
            parts.append(f"\r{line}{CLEAR_TO_END_OF_LINE if wide < columns else ''}\n")
        self._write("".join([*parts, CLEAR_BELOW]))
        self._drawn, self._widths, self._columns = list(lines), widths, columns

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _without_echo(keys: int | None) -> list[int | list[bytes | int]] | None:
    """Switch off the echo; returns the settings to restore, None in a background process."""
    if keys is None or not os.isatty(keys) or os.tcgetpgrp(keys) != os.getpgrp():
        return None
    before = termios.tcgetattr(keys)
    quiet = termios.tcgetattr(keys)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(keys, termios.TCSANOW, quiet)
    return before
