"""The parts of two lines that differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from luzia_client.tui.review.word_diff import MAX_CHARS, changed_spans


def parts(old: str, new: str) -> tuple[list[str], list[str]]:
    before, after = changed_spans(old, new)
    return [old[begin:end] for begin, end in before], [new[begin:end] for begin, end in after]


def test_a_changed_word_is_marked_on_both_sides() -> None:
    assert parts("button.click();", "link.click();") == (["button"], ["link"])


def test_an_added_word_is_marked_on_the_new_side_only() -> None:
    assert parts("All prices are in euro.", "All prices are in euro, with taxes.") == ([], [", with taxes"])


def test_lines_with_little_in_common_have_no_marks() -> None:
    assert parts("result = Decimal(0)", "if user is None:") == ([], [])


def test_equal_lines_have_no_marks() -> None:
    assert parts("x = 1", "x = 1") == ([], [])


def test_very_long_lines_are_not_compared() -> None:
    assert parts("a " * MAX_CHARS, "a " * MAX_CHARS + "b") == ([], [])


WORDS = st.lists(st.sampled_from(["a", "bc", " ", "(", "é", "语", "\t", "1"]), max_size=30).map("".join)


@given(WORDS, WORDS)
def test_what_is_not_marked_is_equal_on_both_sides(old: str, new: str) -> None:
    before, after = changed_spans(old, new)
    if before or after:
        assert rest(old, before) == rest(new, after)


def rest(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    """The text without the spans."""
    kept, place = "", 0
    for begin, end in spans:
        kept += text[place:begin]
        place = end
    return kept + text[place:]
