"""What the user marks and writes about the changes of a job, and what becomes of it when they change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from luzia_protocol.jobs import Job, JobState

from luzia_client.tui.review.changes import MAX_OPEN_LINES, NONE, ChangedFile, CommentPlace, Hunk, Kind, Row
from luzia_client.tui.review.entry import Entry, Work

LINES = [" one", "-two", "+2", " three"]


def work(*hunks: Sequence[str], content: str = "1", start: int = 1, path: str = "a.py") -> Work:
    file = ChangedFile(path, None, 1, 1, "", [Hunk(start, start, "", lines) for lines in hunks])
    return Work([file], "base", content, "luzia/1", "main", [], "")


def entry(shown: Work) -> Entry:
    made = Entry(Job("1", "1", "overbits", "claude", "task", JobState.COMPLETED, datetime(2026, 1, 1, tzinfo=UTC)))
    made.show(shown)
    return made


def test_a_file_is_marked_by_all_its_hunks_and_a_second_time_unmarked() -> None:
    made = entry(work(LINES, LINES))
    made.mark(Row(Kind.HUNK, 0, 1))
    assert made.marks == {(0, 1)}
    made.mark(Row(Kind.FILE, 0))
    assert made.marks == {(0, 0), (0, 1)}
    made.mark(Row(Kind.FILE, 0))
    assert made.marks == set()


def test_a_file_without_hunks_is_marked_as_a_whole() -> None:
    made = entry(work())
    made.mark(Row(Kind.FILE, 0))
    assert made.marks == {(0, NONE)}


def test_the_same_changes_keep_marks_and_comments() -> None:
    made = entry(work(LINES))
    made.mark(Row(Kind.HUNK, 0, 0))
    made.comments[CommentPlace(0, 0, 2)] = "why"
    assert not made.show(work(LINES))
    assert (made.marks, made.comments) == ({(0, 0)}, {CommentPlace(0, 0, 2): "why"})


def test_a_comment_stays_on_its_line_when_the_changes_change() -> None:
    made = entry(work(LINES))
    made.mark(Row(Kind.HUNK, 0, 0))
    made.comments[CommentPlace(0, 0, 2)] = "why"
    assert made.show(work(["-zero"], ["+0", *LINES], content="2"))
    assert (made.marks, made.comments) == (set(), {CommentPlace(0, 1, 3): "why"})


def test_a_comment_whose_line_is_gone_is_kept_as_words() -> None:
    made = entry(work(LINES, start=10))
    made.comments[CommentPlace(0, 0, 2)] = "why"
    made.show(work([" one"], content="2"))
    assert (made.comments, made.loose) == ({}, ["a.py:11: why"])


def test_a_large_file_is_folded_at_first() -> None:
    file = ChangedFile("a.py", None, MAX_OPEN_LINES + 1, 0, "", [Hunk(1, 1, "", LINES)])
    made = entry(Work([file], "base", "1", "luzia/1", "main", [], ""))
    assert [row.kind for row in made.rows(side_by_side=False)] == [Kind.FILE]
    made.fold_all()
    assert len(made.rows(side_by_side=False)) == 6


def test_words_are_found_below_the_selected_row_and_then_from_the_top() -> None:
    made = entry(work(LINES, LINES))
    made.rows(side_by_side=False)
    assert made.find("two")
    first = made.view.selected
    assert made.find("two")
    assert made.view.selected > first
    assert made.find("two")
    assert made.view.selected == first
    assert not made.find("nowhere")
