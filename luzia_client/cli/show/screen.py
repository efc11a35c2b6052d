"""The properties of an output stream: width, colour, and whether it can be redrawn."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

SGR = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


class Screen:
    """The properties of an output.

    width, height: the terminal's columns and rows; width is None without a terminal. colour: colours are supported and
    not switched off. live: lines can be redrawn in place. blocks: the encoding has block characters.
    """

    __slots__ = ("blocks", "colour", "height", "live", "width")

    def __init__(
        self,
        width: int | None = None,
        height: int = 24,
        colour: bool = False,
        live: bool = False,
        blocks: bool = True,
    ) -> None:
        self.width = width
        self.height = height
        self.colour = colour
        self.live = live
        self.blocks = blocks

    def resized(self, width: int, height: int) -> Screen:
        """The same screen with another size."""
        return Screen(width, height, self.colour, self.live, self.blocks)

    def paint(self, text: str, style: str) -> str:
        """The text in a style (a key of SGR, or several with spaces between; empty for none)."""
        if not self.colour or not style or not text:
            return text
        codes = ";".join(SGR[word] for word in style.split())
        return f"\x1b[{codes}m{text}\x1b[0m"


def detect_screen(stream: TextIO) -> Screen:
    """The current properties of a stream. Characters that its encoding lacks will be escaped."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    blocks = _can_encode(stream, "█░…✓")
    if not stream.isatty():
        return Screen(blocks=blocks)
    columns, rows = terminal_size(stream)
    dumb = os.environ.get("TERM", "dumb") in ("dumb", "")
    colour = not dumb and not os.environ.get("NO_COLOR")
    return Screen(columns, rows, colour, not dumb, blocks)


def stdout_screen() -> Screen:
    """The current properties of stdout."""
    return detect_screen(sys.stdout)


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Columns and rows of the stream's terminal; 80 by 24 when unknown."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
