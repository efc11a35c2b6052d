"""The lines of a diff as they are shown: safe, coloured, cut to the screen."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from luzia_client.cli.show.text import width
from luzia_client.tui.review.changes import Hunk
from luzia_client.tui.review.source import MAX_LINE_CHARS, SourceLines, crop, shown_text

TEXT = st.text(st.sampled_from("ab 语é\t🎉\x1b\x00"), max_size=40)


def text_of(pieces: list[tuple[str, str]]) -> str:
    return "".join(text for _, text in pieces)


@example(["a", "a"], 0, 1)
@given(st.lists(TEXT, max_size=4), st.integers(0, 50), st.integers(0, 60))
def test_a_cropped_line_has_exactly_its_columns(texts: list[str], left: int, columns: int) -> None:
    pieces = [("", shown_text(" " + text)) for text in texts]
    assert width(text_of(crop(pieces, left, columns))) == columns


def test_what_is_left_and_right_of_the_screen_is_cut_off() -> None:
    assert text_of(crop([("", "abcdef")], 2, 3)) == "cd…"
    assert text_of(crop([("", "语文abc")], 1, 6)) == " 文abc"


def test_controls_are_made_visible_and_long_lines_are_cut() -> None:
    assert shown_text("+a\x1b[31mb\tc") == "a^[[31mb    c"
    assert shown_text("+" + "x" * 3000) == "x" * MAX_LINE_CHARS + "…"
    assert (shown_text(" a\r"), shown_text("+a\r")) == ("a", "a^M")


@given(st.lists(st.tuples(st.sampled_from(" -+"), TEXT), min_size=1, max_size=10))
def test_colours_and_marks_change_no_text(lines: list[tuple[str, str]]) -> None:
    hunk = Hunk(1, 1, "", [sign + text for sign, text in lines])
    source = SourceLines()
    for number, (sign, text) in enumerate(lines):
        assert text_of(source.line("a.py", hunk, number)) == shown_text(sign + text)
