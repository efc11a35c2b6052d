"""The rows of a diff: one below another or side by side, folded, with comments, and a place in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import given
from hypothesis import strategies as st

from luzia_client.tui.review.changes import NONE, ChangedFile, CommentPlace, Hunk, Kind, Row, View, build_rows

LINES = [" one", "-two", "-three", "+2", " four", "+five"]


def file(*hunks: Sequence[str], note: str = "") -> ChangedFile:
    return ChangedFile("a.py", None, 2, 2, note, [Hunk(10, 20, "", lines) for lines in hunks])


def rows(
    *files: ChangedFile,
    folded: Collection[tuple[int, int]] = (),
    comments: Sequence[CommentPlace] = (),
    sides: bool = False,
) -> list[Row]:
    return build_rows(files, folded, comments, side_by_side=sides)


def pairs(found: list[Row]) -> list[tuple[int, int]]:
    return [(row.old, row.new) for row in found if row.kind is Kind.LINE]


def test_lines_have_their_numbers_in_both_files() -> None:
    assert Hunk(10, 20, "", LINES).numbers == [(10, 20), (11, None), (12, None), (None, 21), (13, 22), (None, 23)]


def test_a_missing_newline_has_no_number_and_no_partner() -> None:
    hunk = Hunk(1, 1, "", ["-a", "\\ No newline at end of file", "+b", "+c"])
    assert hunk.numbers == [(1, None), (None, None), (None, 1), (None, 2)]
    assert hunk.partners == {0: 2, 2: 0}


def test_a_deleted_line_and_the_added_one_at_its_place_are_partners() -> None:
    assert Hunk(1, 1, "", LINES).partners == {1: 3, 3: 1}


def test_in_one_column_every_line_has_a_row() -> None:
    assert pairs(rows(file(LINES))) == [(0, 0), (1, NONE), (2, NONE), (NONE, 3), (4, 4), (NONE, 5)]


def test_side_by_side_a_replaced_line_is_beside_the_new_one() -> None:
    assert pairs(rows(file(LINES), sides=True)) == [(0, 0), (1, 3), (2, NONE), (4, 4), (NONE, 5)]


@given(st.lists(st.sampled_from([" x", "-y", "+z", "\\ No newline", ""]), max_size=40))
def test_side_by_side_no_line_is_left_out_and_the_order_is_kept(lines: list[str]) -> None:
    hunk = Hunk(1, 1, "", lines)
    shown = hunk.rows(0, 0, side_by_side=True)
    for side in ("old", "new"):
        numbers = [getattr(row, side) for row in shown if getattr(row, side) != NONE]
        assert numbers == sorted(set(numbers))
    assert {row.old for row in shown} | {row.new for row in shown} | {NONE} == {*range(len(lines)), NONE}


def test_a_folded_file_is_its_heading_and_a_folded_hunk_is_its_own() -> None:
    kinds = [row.kind for row in rows(file(LINES), file(LINES, LINES), folded={(0, NONE), (1, 0)})]
    assert kinds == [Kind.FILE, Kind.FILE, Kind.HUNK, Kind.HUNK, *[Kind.LINE] * 6]


def test_a_comment_follows_its_line_in_both_forms() -> None:
    for sides in (False, True):
        found = rows(file(LINES), comments=[CommentPlace(0, 0, 3)], sides=sides)
        place = next(number for number, row in enumerate(found) if row.kind is Kind.COMMENT)
        assert found[place].place == CommentPlace(0, 0, 3)
        assert 3 in found[place - 1][3:]


def test_the_note_of_a_file_without_lines_is_a_row() -> None:
    assert [row.kind for row in rows(file(note="binary file"))] == [Kind.FILE, Kind.NOTE]


def test_the_selected_line_stays_selected_in_the_other_form_and_when_something_else_is_folded() -> None:
    view = View()
    view.show(rows(file(LINES), file(LINES)))
    view.move_to((Kind.FILE,), 1)
    view.move(4)
    selected = view.row
    assert selected is not None
    view.show(rows(file(LINES), file(LINES), folded={(0, NONE)}))
    assert view.row == selected
    view.show(rows(file(LINES), file(LINES), sides=True))
    assert view.row is not None
    assert selected.line in (view.row.old, view.row.new)
    view.show(rows(file(LINES), file(LINES), folded={(1, 0)}))
    assert view.row == Row(Kind.HUNK, 1, 0)
    view.show(rows(file(LINES), file(LINES), folded={(1, NONE)}))
    assert view.row == Row(Kind.FILE, 1)


@given(st.lists(st.tuples(st.sampled_from(["move", "scroll"]), st.integers(-50, 50)), max_size=20), st.integers(1, 30))
def test_the_selected_row_is_always_visible(steps: list[tuple[str, int]], height: int) -> None:
    view = View()
    view.show(rows(file(LINES * 5)))
    for step, count in steps:
        getattr(view, step)(count)
        shown = view.visible(height)
        assert view.selected in shown
        assert len(shown) == min(height, len(view.rows))


def test_a_view_without_rows_has_no_row_and_does_not_move() -> None:
    view = View()
    view.move(5)
    assert (view.row, list(view.visible(10)), view.move_to((Kind.FILE,), 1)) == (None, [], False)
