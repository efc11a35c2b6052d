"""Texts that grow at their end, seen through a window."""

from __future__ import annotations

import pytest

from luzia_client.cli.show.text import width
from luzia_client.tui.fullscreen.text_view import MAX_LINE_CHARS, Fragments, TextView, fit, parse_fragments


def plain(lines: list[Fragments]) -> list[str]:
    return ["".join(text for _, text in line) for line in lines]


def shown(lines: TextView, columns: int = 20, rows: int = 3) -> list[str]:
    return plain(lines.view(columns, rows))


def test_the_end_is_followed_until_somebody_scrolls_up() -> None:
    lines = TextView("1\n2\n3\n4\n5\n")
    assert shown(lines) == ["3", "4", "5"]
    lines.feed("6\n")
    assert shown(lines) == ["4", "5", "6"]
    lines.scroll(-2)
    assert shown(lines) == ["3", "4", "5"] or shown(lines) == ["2", "3", "4"]
    before = shown(lines)
    lines.feed("7\n8\n")
    assert shown(lines) == before
    lines.to_end()
    assert shown(lines) == ["6", "7", "8"]
    assert lines.follows


def test_a_line_without_its_end_is_shown_and_completed_later() -> None:
    lines = TextView("a\nbe")
    assert shown(lines) == ["a", "be"]
    lines.feed("gun\n")
    assert shown(lines) == ["a", "begun"]


def test_nobody_scrolls_beyond_the_ends() -> None:
    lines = TextView("1\n2\n3\n4\n5\n")
    lines.scroll(-100)
    assert shown(lines) == ["1", "2", "3"]
    lines.scroll(1)
    assert shown(lines) == ["2", "3", "4"]
    lines.scroll(100)
    assert shown(lines) == ["3", "4", "5"]
    lines.to_top()
    assert shown(lines) == ["1", "2", "3"]
    assert not lines.follows


def test_a_text_that_fits_is_all_in_view() -> None:
    lines = TextView("1\n2")
    lines.to_top()
    assert shown(lines) == ["1", "2"]
    assert lines.follows


def test_long_lines_are_wrapped_by_width() -> None:
    assert shown(TextView("abcdefgh"), columns=3) == ["abc", "def", "gh"]
    assert shown(TextView("日本語日本語"), columns=5) == ["日本", "語日", "本語"]
    assert shown(TextView("x" * 50), columns=1, rows=2) == ["x", "x"]


def test_only_so_many_lines_of_so_many_characters_are_kept() -> None:
    lines = TextView(max_lines=10)
    for number in range(100):
        lines.feed(f"{number}\n")
    lines.feed("x" * 10 * MAX_LINE_CHARS)
    lines.to_top()
    assert shown(lines) == ["91", "92", "93"]
    lines.to_end()
    assert sum(map(len, shown(lines, columns=MAX_LINE_CHARS, rows=1))) == MAX_LINE_CHARS


def test_a_progress_bar_is_one_line() -> None:
    lines = TextView("10 %\r")
    lines.feed("20 %\r")
    lines.feed("done\nnext")
    assert shown(lines) == ["done", "next"]


def test_colours_go_on_into_the_next_line_until_they_end() -> None:
    lines = TextView("\x1b[31mred\nstill\x1b[0m not")
    first, second = lines.view(20, 3)
    assert first == [("ansired", "red")]
    assert second == [("ansired", "still"), ("", " not")]


def test_a_line_that_changes_its_colour_for_ever_is_bounded() -> None:
    pieces = parse_fragments("\x1b[1m" * 1000 + "x")
    assert plain([pieces]) == ["x"]


@pytest.mark.parametrize("columns", [0, 1, 5, 40])
def test_a_row_is_made_exactly_as_wide_as_the_screen(columns: int) -> None:
    row = fit([("", "日本語 and more"), ("bold", "!")], columns)
    assert width("".join(text for _, text in row)) == columns


def test_a_row_with_emoji_sequences_is_as_wide_as_its_characters_together() -> None:
    text = "\U0001f1ea\U0001f1f8 \u2764\ufe0f \U0001f468\u200d\U0001f469\u200d\U0001f467 done"
    for columns in range(1, 30):
        (row,) = plain([fit([("", text)], columns)])
        assert sum(width(character) for character in row) == columns
        rows = plain(TextView(text).view(columns, 100))
        assert all(sum(width(character) for character in row) <= max(columns, 2) for row in rows)


def test_a_search_continues_at_the_other_end_and_highlights_the_line_that_it_has_found() -> None:
    lines = TextView("a pea\n\x1b[1ma PE\x1b[0mA\nc\n" + "d\n" * 9)
    assert lines.find("pea", -1)
    assert [text for row in lines.view(20, 6) for style, text in row if "reverse" in style] == ["a PE", "A"]
    assert lines.find("pea", -1)
    assert "a pea" in shown(lines, rows=6)
    assert [text for row in lines.view(20, 6) for style, text in row if "reverse" in style] == ["a pea"]
    lines.feed("one more\n")
    assert [text for row in lines.view(20, 6) for style, text in row if "reverse" in style] == ["a pea"]
    assert lines.find("pea", -1)
    assert lines.find("pea", 1)
    assert not lines.find("bean", 1)
    lines.end_search()
    assert lines.find("pea", 1)
    assert [text for row in lines.view(20, 6) for style, text in row if "reverse" in style] == ["a pea"]


def test_without_a_line_to_find_the_view_stays() -> None:
    lines = TextView("1\n2\n3\n4\n5\n")
    assert not lines.find("x", -1)
    assert shown(lines) == ["3", "4", "5"]


def test_a_page_is_wrapped_between_words_and_keeps_the_indentation() -> None:
    view = TextView("  a  accept: merge all of its work\n\x1b[31mcoloured lines are as they are\x1b[0m", by_words=True)
    view.to_top()
    rows = ["".join(text for _, text in row) for row in view.view(20, 10)]
    assert rows == ["  a  accept: merge", "  all of its work", "coloured lines are a", "s they are"]
    assert max(map(len, rows)) <= 20
