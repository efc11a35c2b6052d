"""One job in review: its changes, and what the user has marked and written about them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from luzia_protocol.jobs import Job

from luzia_client.tui.review.changes import (
    MAX_OPEN_LINES,
    NONE,
    ChangedFile,
    CommentPlace,
    Kind,
    Row,
    View,
    build_rows,
    find_line,
)

MAX_OPEN_FILES = 100
"""The files after these are folded at first."""


class Work(NamedTuple):
    """What a job has changed. base: the commit with which it is compared. content: git's name of all its files.

    onto: the branch to merge into. conflicts: the files that conflict with that branch. verdict: how the verification
    has ended, in words.
    """

    files: Sequence[ChangedFile]
    base: str
    content: str
    branch: str
    onto: str | None
    conflicts: Sequence[str]
    verdict: str


class Entry:
    """A job that waits for a decision.

    work: its changes, None until they have been read. problem: why they cannot be read. busy: what is being done with
    it, empty while it waits. failure: why that could not be done. put_off: its turn among those that were put off,
    else 0.
    marks: the hunks to accept, by file and hunk; NONE for a file without hunks. comments: by their lines. loose:
    comments on lines that are gone, which are sent with the words.
    left: the first column of the lines that is shown. is_stale: the changes have to be read, or read again.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.work: Work | None = None
        self.problem = ""
        self.busy = ""
        self.failure = ""
        self.put_off = 0
        self.marks: set[tuple[int, int]] = set()
        self.comments: dict[CommentPlace, str] = {}
        self.loose: list[str] = []
        self.view = View()
        self.left = 0
        self.is_stale = True
        self._folded: set[tuple[int, int]] = set()
        self._shown: tuple[object, ...] = ()

    def show(self, work: Work) -> bool:
        """Take the changes as they are now; False if they are those that are shown. Marks are taken away otherwise."""
        self.problem = ""
        known, self.work = self.work, work
        if known is not None and (known.base, known.content) == (work.base, work.content):
            return False
        self.marks.clear()
        self._place_comments(known, work)
        self.left = 0
        self.view = View()
        self._folded = {
            (number, NONE)
            for number, file in enumerate(work.files)
            if number >= MAX_OPEN_FILES or (file.added or 0) + (file.deleted or 0) > MAX_OPEN_LINES
        }
        self._shown = ()
        return True

    def _place_comments(self, known: Work | None, work: Work) -> None:
        """Keep each comment at the same line of the new changes; one whose line is gone becomes a loose one."""
        comments, self.comments = self.comments, {}
        for place, text in comments.items():
            assert known is not None
            file = known.files[place.file]
            hunk = file.hunks[place.hunk]
            numbers = hunk.numbers[place.line]
            wanted = numbers[1] or numbers[0] or 0
            found = min(find_line(work.files, file.path, hunk.lines[place.line], wanted), default=None)
            if found is None:
                self.loose.append(f"{file.path}:{wanted}: {text}")
            else:
                self.comments[found[1]] = text

    def rows(self, *, side_by_side: bool) -> list[Row]:
        """The rows of the diff."""
        shown = (side_by_side, frozenset(self._folded), frozenset(self.comments))
        if self.work is not None and shown != self._shown:
            self._shown = shown
            self.view.show(build_rows(self.work.files, self._folded, self.comments, side_by_side=side_by_side))
        return self.view.rows

    def is_folded(self, row: Row) -> bool:
        """Whether the file or the hunk of a row is folded."""
        return (row.file, row.hunk if row.kind is not Kind.FILE else NONE) in self._folded

    def fold(self, row: Row) -> None:
        """Fold the file or the hunk of a row, or unfold it."""
        self._folded ^= {(row.file, row.hunk)}

    def fold_all(self) -> None:
        """Fold all files, or unfold them if all are folded."""
        every = {(number, NONE) for number in range(len(self.work.files) if self.work else 0)}
        self._folded = set() if every <= self._folded else self._folded | every

    def parts(self, row: Row) -> set[tuple[int, int]]:
        """What can be marked at a row: a hunk, or everything of a file."""
        if row.hunk != NONE:
            return {(row.file, row.hunk)}
        hunks = self.work.files[row.file].hunks if self.work else ()
        return {(row.file, hunk) for hunk in range(len(hunks))} or {(row.file, NONE)}

    def mark(self, row: Row) -> None:
        """Mark what is at a row, or take the mark away if all of it is marked."""
        parts = self.parts(row)
        self.marks = self.marks - parts if parts <= self.marks else self.marks | parts

    def find(self, words: str) -> bool:
        """Select the next row with the words, in lower case, of those that are unfolded; False if there is none."""
        rows, files = self.view.rows, self.work.files if self.work else ()
        for distance in range(1, len(rows) + 1):
            place = (self.view.selected + distance) % len(rows)
            row = rows[place]
            texts = [files[row.file].path]
            if row.kind is Kind.LINE:
                lines = files[row.file].hunks[row.hunk].lines
                texts = [lines[number][1:] for number in {row.old, row.new} if number != NONE]
            if row.kind in (Kind.LINE, Kind.FILE) and any(words in text.casefold() for text in texts):
                self.view.selected = place
                return True
        return False
