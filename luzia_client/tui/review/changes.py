"""The rows of a diff, with folded files and hunks, in one column or side by side. Pure.

A row names its file, hunk and lines by numbers; text and colours are made only for the rows that are shown, so that a
diff of any size is scrolled without delay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum, auto
from functools import cached_property
from typing import NamedTuple

from luzia_client.trees.patch import FileChange

MAX_OPEN_LINES = 2000
"""A file with more changed lines is folded at first."""
NONE = -1


class Kind(Enum):
    """What a row shows."""

    FILE = auto()
    HUNK = auto()
    LINE = auto()
    NOTE = auto()
    COMMENT = auto()


class CommentPlace(NamedTuple):
    """The line of a hunk that a comment is about."""

    file: int
    hunk: int
    line: int


class Row(NamedTuple):
    """file, hunk: their numbers. old, new: numbers of lines of the hunk, on the left and on the right; NONE if none."""

    kind: Kind
    file: int
    hunk: int = NONE
    old: int = NONE
    new: int = NONE

    @property
    def line(self) -> int:
        """The line of the hunk that the row is about: the new one, if there is one."""
        return self.new if self.new != NONE else self.old

    @property
    def place(self) -> CommentPlace:
        """Where a comment on the row belongs."""
        return CommentPlace(self.file, self.hunk, self.line)


class Hunk:
    """A hunk, with what is derived from it once.

    section: the words of git after the line numbers. lines: each after ` `, `-`, `+` or a backslash, as in a patch.
    """

    def __init__(self, old_start: int, new_start: int, section: str, lines: Sequence[str]) -> None:
        self.old_start = old_start
        self.new_start = new_start
        self.section = section
        self.lines = lines
        self._rows: dict[bool, list[Row]] = {}

    @cached_property
    def numbers(self) -> list[tuple[int | None, int | None]]:
        """The numbers of each line in the old file and in the new one."""
        old, new = self.old_start, self.new_start
        found: list[tuple[int | None, int | None]] = []
        for line in self.lines:
            sign = line[:1]
            found.append((old if sign in " -" else None, new if sign in " +" else None))
            old += sign in ("-", " ")
            new += sign in ("+", " ")
        return found

    @cached_property
    def partners(self) -> dict[int, int]:
        """Deleted line -> the added line that has replaced it, and the reverse."""
        found: dict[int, int] = {}
        for deleted, added in self._groups:
            for old, new in zip(deleted, added, strict=False):
                if self.lines[old][0] == "-":  # not the words on a missing newline
                    found[old], found[new] = new, old
        return found

    @cached_property
    def _groups(self) -> list[tuple[range, range]]:
        """Runs of deleted lines and the added ones that follow them at once."""
        found: list[tuple[range, range]] = []
        place, count = 0, len(self.lines)
        while place < count:
            begin = place
            while place < count and self.lines[place][:1] in "-\\" and self.lines[place] != "":
                place += 1
            middle = place
            while place < count and self.lines[place][:1] == "+":
                place += 1
            if place == begin:
                place += 1
            elif begin < middle < place:
                found.append((range(begin, middle), range(middle, place)))
        return found

    def prepare(self, file: int, hunk: int) -> None:
        """Derive what showing it needs, in advance: of a large hunk that takes longer than a frame may."""
        self.rows(file, hunk, side_by_side=False)
        self.rows(file, hunk, side_by_side=True)
        _ = self.numbers, self.partners

    def rows(self, file: int, hunk: int, *, side_by_side: bool) -> list[Row]:
        """Its lines as rows. file, hunk: its place in the diff, which stays the same."""
        if side_by_side not in self._rows:
            pairs = self._pairs() if side_by_side else self._single()
            self._rows[side_by_side] = [Row(Kind.LINE, file, hunk, old, new) for old, new in pairs]
        return self._rows[side_by_side]

    def _single(self) -> list[tuple[int, int]]:
        """The lines one below another."""
        return [
            (NONE if line[:1] == "+" else number, NONE if line[:1] == "-" else number)
            for number, line in enumerate(self.lines)
        ]

    def _pairs(self) -> list[tuple[int, int]]:
        """The lines side by side: old and new, NONE where a side is empty."""
        found: list[tuple[int, int]] = []
        groups = {deleted.start: (deleted, added) for deleted, added in self._groups}
        place = 0
        while place < len(self.lines):
            if group := groups.get(place):
                deleted, added = group
                for step in range(max(len(deleted), len(added))):
                    found.append(
                        (
                            deleted[step] if step < len(deleted) else NONE,
                            added[step] if step < len(added) else NONE,
                        )
                    )
                place = added.stop
                continue
            sign = self.lines[place][:1]
            found.append((NONE if sign == "+" else place, NONE if sign == "-" else place))
            place += 1
        return found


class ChangedFile(NamedTuple):
    """A changed file. old_path: its name before, if it was renamed. added, deleted: lines, None for a binary file.

    note: what is shown in place of hunks, or above them; empty for nothing.
    """

    path: str
    old_path: str | None
    added: int | None
    deleted: int | None
    note: str
    hunks: Sequence[Hunk]


def build_rows(
    files: Sequence[ChangedFile],
    folded: Collection[tuple[int, int]],
    commented: Iterable[CommentPlace],
    *,
    side_by_side: bool,
) -> list[Row]:
    """All rows of a diff.

    folded: pairs of a file and a hunk, NONE for the whole file. commented: the lines with a comment.
    """
    comments: dict[tuple[int, int], set[int]] = {}
    for place in commented:
        comments.setdefault((place.file, place.hunk), set()).add(place.line)
    rows: list[Row] = []
    for file, changed in enumerate(files):
        rows.append(Row(Kind.FILE, file))
        if (file, NONE) in folded:
            continue
        if changed.note:
            rows.append(Row(Kind.NOTE, file))
        for number, hunk in enumerate(changed.hunks):
            rows.append(Row(Kind.HUNK, file, number))
            if (file, number) not in folded:
                lines = hunk.rows(file, number, side_by_side=side_by_side)
                wanted = comments.get((file, number))
                rows += lines if wanted is None else _with_comments(lines, wanted)
    return rows


def _with_comments(rows: Iterable[Row], lines: Collection[int]) -> Iterator[Row]:
    """The rows of a hunk, each followed by a row for each comment on its lines."""
    for row in rows:
        yield row
        for line in sorted({row.old, row.new}.intersection(lines)):
            yield Row(Kind.COMMENT, row.file, row.hunk, line, line)


def prepare_file(number: int, file: FileChange) -> ChangedFile:
    """A changed file as it is shown. number: its place in the diff."""
    hunks = []
    for place, hunk in enumerate(file.hunks):
        lines: list[str] = []
        for line in hunk.lines:
            lines.append(line.kind + line.text)
            if not line.has_newline:
                lines.append("\\ No newline at end of file")
        shown = Hunk(hunk.old_start, hunk.new_start, hunk.heading, lines)
        shown.prepare(number, place)
        hunks.append(shown)
    return ChangedFile(file.path, file.old_path, file.insertions, file.deletions, _describe(file), hunks)


def find_line(files: Sequence[ChangedFile], path: str, line: str, number: int) -> Iterator[tuple[int, CommentPlace]]:
    """The places of equal lines of a file, each with its distance from a line number."""
    for in_file, file in enumerate(files):
        if file.path != path:
            continue
        for in_hunk, hunk in enumerate(file.hunks):
            for place, (old, new) in enumerate(hunk.numbers):
                if hunk.lines[place] == line:
                    yield abs((new or old or 0) - number), CommentPlace(in_file, in_hunk, place)


def _describe(file: FileChange) -> str:
    """What is not seen in the lines of a file."""
    if file.is_submodule:
        return f"submodule: {file.old_blob[:12]} → {file.new_blob[:12]}"
    notes = []
    if file.binary:
        notes.append("binary file")
    if file.cut:
        notes.append("not shown: the whole diff is too long; d shows it")
    if file.status == "deleted":
        notes.append("deleted")
    elif file.old_mode != file.new_mode and file.status != "added":
        notes.append(f"mode {file.old_mode} → {file.new_mode}")
    elif file.status == "added" and not file.hunks and not file.binary:
        notes.append("new empty file")
    if file.status == "renamed" and not file.hunks and not file.binary:
        notes.append("only the name has changed")
    return ", ".join(notes)


class View:
    """A place in the rows of a diff: the selected row, and the first one that is visible."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.selected = 0
        self.top = 0
        self.height = 1

    def show(self, rows: list[Row]) -> None:
        """Show other rows of the same diff; the selected line, or what is above it, stays selected."""
        before = self.row
        offset = self.selected - self.top
        self.rows = rows
        if before is not None:
            self.selected = self._find(before)
        self.top = max(self.selected - offset, 0)

    def _find(self, wanted: Row) -> int:
        """The row of the same line; if it is folded, that of its hunk or its file."""
        file, hunk, line = wanted.file, wanted.hunk, wanted.line
        found = 0
        for place, (_, in_file, in_hunk, old, new) in enumerate(self.rows):
            if in_file != file or in_hunk not in (hunk, NONE):
                continue
            if in_hunk == hunk and line in (old, new):
                return place
            if old == new == NONE:
                found = place
        return found

    @property
    def row(self) -> Row | None:
        """The selected row; None if there are none."""
        return self.rows[self.selected] if self.selected < len(self.rows) else None

    def move(self, rows: int) -> None:
        """Move the selection down, or up if negative."""
        self.selected = max(min(self.selected + rows, len(self.rows) - 1), 0)

    def move_to(self, kinds: tuple[Kind, ...], step: int) -> bool:
        """Select the next row of one of the kinds, or the previous one for a step of -1; False if there is none."""
        place = self.selected + step
        while 0 <= place < len(self.rows):
            if self.rows[place].kind in kinds:
                self.selected = place
                return True
            place += step
        return False

    def scroll(self, rows: int) -> None:
        """Scroll; the selected row stays visible."""
        self.top = max(min(self.top + rows, len(self.rows) - self.height), 0)
        self.selected = max(min(self.selected, self.top + self.height - 1), min(self.top, len(self.rows) - 1), 0)

    def visible(self, height: int) -> range:
        """The rows that are shown on a screen with this many."""
        self.height = max(height, 1)
        self.move(0)
        self.top = min(max(self.top, self.selected - self.height + 1), self.selected)
        self.top = max(min(self.top, len(self.rows) - self.height), 0)
        return range(self.top, min(self.top + self.height, len(self.rows)))
