"""The visible rows of a diff: headings, lines with their numbers, in one column or side by side, and comments."""

from __future__ import annotations

from luzia_client.cli.show.text import harmless, one_line
from luzia_client.tui.fullscreen.text_view import Fragments, fit
from luzia_client.tui.review.changes import NONE, Hunk, Kind, Row
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.source import STYLES, SourceLines, crop

LEAST_DIGITS = 3
MARK = "*"
SEPARATOR = "│"


class DiffPainter:
    """Makes rows. blocks: the terminal has characters for lines and arrows."""

    def __init__(self, blocks: bool) -> None:
        self._source = SourceLines()
        self._open, self._closed, self._bar = ("▾", "▸", SEPARATOR) if blocks else ("-", "+", "|")

    def paint(self, entry: Entry, width: int, height: int, *, side_by_side: bool) -> list[Fragments]:
        """The rows that are visible; fewer than `height` if the diff is shorter."""
        rows = entry.rows(side_by_side=side_by_side)
        view = entry.view
        return [
            self._row(entry, rows[place], width, place == view.selected, side_by_side) for place in view.visible(height)
        ]

    def _row(self, entry: Entry, row: Row, width: int, selected: bool, side_by_side: bool) -> Fragments:
        match row.kind:
            case Kind.FILE:
                return self._file(entry, row, width, selected)
            case Kind.HUNK:
                return self._hunk(entry, row, width, selected)
            case Kind.LINE if side_by_side:
                return self._pair(entry, row, width, selected)
            case Kind.LINE:
                return self._line(entry, row, width, selected)
            case Kind.COMMENT:
                text = entry.comments.get(row.place, "")
                style = "class:comment reverse" if selected else "class:comment"
                return fit([(style, f"    » {one_line(text, 1000)}")], width)
            case Kind.NOTE:
                assert entry.work is not None
                style = "class:selected" if selected else "class:dim"
                return fit([(style, f"  {harmless(entry.work.files[row.file].note)}")], width)

    def _file(self, entry: Entry, row: Row, width: int, selected: bool) -> Fragments:
        assert entry.work is not None
        file = entry.work.files[row.file]
        parts = entry.parts(row)
        marked = MARK if parts <= entry.marks else "-" if parts & entry.marks else " "
        arrow = self._closed if entry.is_folded(row) else self._open
        name = harmless(file.path) if file.old_path is None else f"{harmless(file.old_path)} → {harmless(file.path)}"
        style = "class:file reverse" if selected else "class:file"
        counts: Fragments = []
        if file.added is not None:
            counts = [
                (f"{style} class:added", f"  +{file.added:,}"),
                (f"{style} class:deleted", f" −{file.deleted:,}"),
            ]
        return fit([(style, f"{marked}{arrow} {name}"), *counts, (style, " ")], width)

    def _hunk(self, entry: Entry, row: Row, width: int, selected: bool) -> Fragments:
        hunk = self._of(entry, row)
        marked = MARK if (row.file, row.hunk) in entry.marks else " "
        arrow = self._closed if entry.is_folded(row) else self._open
        style = "class:hunk reverse" if selected else "class:hunk"
        folded = f"  {len(hunk.lines):,} lines" if entry.is_folded(row) else ""
        words = f"{marked}{arrow} line {hunk.new_start or hunk.old_start:,}{folded}  {harmless(hunk.section)}"
        return fit([(style, words.rstrip() + " ")], width)

    def _line(self, entry: Entry, row: Row, width: int, selected: bool) -> Fragments:
        hunk = self._of(entry, row)
        digits = _digits(hunk)
        shown = self._half(entry, row, hunk, row.line, width - 1, digits, selected)
        return [self._margin(entry, row, selected), *shown]

    def _pair(self, entry: Entry, row: Row, width: int, selected: bool) -> Fragments:
        hunk = self._of(entry, row)
        digits = _digits(hunk)
        left = (width - 2) // 2
        return [
            self._margin(entry, row, selected),
            *self._half(entry, row, hunk, row.old, left, digits, selected, old=True),
            ("class:dim", self._bar),
            *self._half(entry, row, hunk, row.new, width - 2 - left, digits, selected),
        ]

    def _half(
        self,
        entry: Entry,
        row: Row,
        hunk: Hunk,
        number: int,
        width: int,
        digits: int,
        selected: bool,
        *,
        old: bool = False,
    ) -> Fragments:
        """A line with its number and its sign. old: in the old file."""
        assert entry.work is not None
        if number == NONE:
            return [("", " " * width)]
        sign = hunk.lines[number][:1] or " "
        before, after = hunk.numbers[number]
        counted = before if old or after is None else after
        style = STYLES.get(sign, "class:dim")
        gutter = f"{style} reverse" if selected else style
        label = "" if counted is None else str(counted)
        heading: Fragments = [(gutter, f"{label:>{digits}} {sign}"[: max(width, 0)])]
        pieces = self._source.line(entry.work.files[row.file].path, hunk, number)
        return [*heading, *crop(pieces, entry.left, max(width - digits - 2, 0))]

    def _margin(self, entry: Entry, row: Row, selected: bool) -> tuple[str, str]:
        marked = MARK if (row.file, row.hunk) in entry.marks else " "
        return ("class:marked reverse" if selected else "class:marked", marked)

    def _of(self, entry: Entry, row: Row) -> Hunk:
        assert entry.work is not None
        return entry.work.files[row.file].hunks[row.hunk]


def _digits(hunk: Hunk) -> int:
    """The columns of the line numbers of a hunk."""
    last = max(hunk.old_start, hunk.new_start) + len(hunk.lines)
    return max(len(str(last)), LEAST_DIGITS)
