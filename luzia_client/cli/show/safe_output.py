"""Output of jobs made safe for a terminal: colours pass, all other control characters are made visible."""

from __future__ import annotations

import codecs
import re

from luzia_client.cli.show.text import harmless

_COLOUR = re.compile("\x1b\\[[0-9;:]*m")
_UNFINISHED = re.compile("\x1b(\\[[0-9;:]{0,64})?\\Z")
_PIECES = re.compile("(\x1b\\[[0-9;:]*m|[\t\n\r])")
RESET = "\x1b[0m"


class SafeOutput:
    """Converts a stream of bytes to safe text, piece by piece.

    colour: keep colours; otherwise they are removed.
    """

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """The text to print for more bytes; an incomplete character or colour is held back."""
        text = self._held + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text)
        self._held = unfinished[0] if unfinished else ""
        return self._safe(text[: len(text) - len(self._held)])

    def end(self) -> str:
        """The text to print at the end: what was held back, and a reset of the colours."""
        rest = self._safe(self._held + self._decoder.decode(b"", final=True))
        self._held = ""
        return rest + (RESET if self._coloured else "")

    def _safe(self, text: str) -> str:
        parts = _PIECES.split(text)
        for index, part in enumerate(parts):
            if index % 2 == 0:
                parts[index] = harmless(part)
            elif _COLOUR.fullmatch(part):
                parts[index] = part if self._colour else ""
                self._coloured = self._colour
        return "".join(parts)
