"""The lines of a hunk as they are shown: made safe, in the colours of their language, with the changed words marked."""

from __future__ import annotations

from luzia_client.cli.show.text import harmless, separate_emoji, width
from luzia_client.tui.fullscreen.text_view import TAB, Fragments
from luzia_client.tui.review.changes import Hunk
from luzia_client.tui.review.highlight import colour_lines
from luzia_client.tui.review.word_diff import Span, changed_spans

MAX_LINE_CHARS = 2000
BLOCK_LINES = 200
"""The lines of a hunk that are coloured at once, when one of them is shown."""
MAX_BLOCKS = 100
STYLES = {"+": "class:added", "-": "class:deleted"}
WORDS = {"+": "class:added-word", "-": "class:deleted-word"}


class SourceLines:
    """Makes lines of hunks, and keeps those of the last blocks."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[Hunk, int], dict[int, Fragments]] = {}

    def line(self, path: str, hunk: Hunk, number: int) -> Fragments:
        """A line of a hunk without its sign."""
        block = number // BLOCK_LINES
        if (hunk, block) not in self._blocks:
            while len(self._blocks) >= MAX_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[hunk, block] = _colour(path, hunk, block)
        sign = hunk.lines[number][:1]
        pieces = self._blocks[hunk, block][number]
        partner = hunk.partners.get(number)
        if partner is not None:
            deleted, added = (partner, number) if sign == "+" else (number, partner)
            spans = changed_spans(shown_text(hunk.lines[deleted]), shown_text(hunk.lines[added]))
            pieces = _mark(pieces, spans[sign == "+"], WORDS[sign])
        return [(style or STYLES.get(sign, ""), text) for style, text in pieces]


def shown_text(line: str) -> str:
    """The text of a line after its sign, safe for a terminal."""
    text = line[1 : MAX_LINE_CHARS + 1]
    if line[:1] == " ":
        text = text.removesuffix("\r")
    shown = separate_emoji(harmless(text.replace("\t", TAB)))
    return shown if len(line) <= MAX_LINE_CHARS + 1 else shown + "…"


def crop(pieces: Fragments, left: int, columns: int, rest: str = "") -> Fragments:
    """Exactly `columns` columns of the pieces, from the column `left` on; `…` marks what is cut off.

    rest: the style of the spaces after the text.
    """
    shown = _without_left(pieces, left)
    wide = sum(width(text) for _, text in shown)
    if wide <= columns:
        return [*shown, (rest, " " * (columns - wide))]
    found: Fragments = []
    room = columns - 1
    for style, text in shown:
        taken = ""
        for character in text:
            if width(character) > room:
                return [*found, (style, taken), ("class:dim", "…" + " " * room)] if columns else []
            taken += character
            room -= width(character)
        found.append((style, taken))
    return found


def _without_left(pieces: Fragments, columns: int) -> Fragments:
    """The pieces without their first columns; a space stands for what is left of half a wide character."""
    found: Fragments = []
    for style, text in pieces:
        kept = 0
        while kept < len(text) and columns > 0:
            columns -= width(text[kept])
            kept += 1
        shown = " " * -min(columns, 0) + text[kept:]
        columns = max(columns, 0)
        if shown:
            found.append((style, shown))
    return found


def _colour(path: str, hunk: Hunk, block: int) -> dict[int, Fragments]:
    """The lines of a block by their numbers: deleted ones are read with those around them, and so are the others."""
    numbers = range(block * BLOCK_LINES, min((block + 1) * BLOCK_LINES, len(hunk.lines)))
    found: dict[int, Fragments] = {}
    for without in "+-":
        side = [number for number in numbers if hunk.lines[number][:1] not in (without, "\\")]
        found.update(zip(side, colour_lines(path, [shown_text(hunk.lines[each]) for each in side]), strict=True))
    for number in numbers:
        if number not in found:
            found[number] = [("class:dim", shown_text(hunk.lines[number]).strip())]
    return found


def _mark(pieces: Fragments, spans: tuple[Span, ...], style: str) -> Fragments:
    """The pieces with another style inside of the spans."""
    if not spans:
        return pieces
    found: Fragments = []
    place = 0
    for old, text in pieces:
        begin = 0
        while begin < len(text):
            at = place + begin
            inside = next((end for start, end in spans if start <= at < end), None)
            end = inside if inside is not None else next((start for start, _ in spans if start > at), place + len(text))
            stop = min(end - place, len(text))
            found.append((style if inside is not None else old, text[begin:stop]))
            begin = stop
        place += len(text)
    return found
