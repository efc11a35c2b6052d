from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_client.cli.show.text import cut, harmless, harmless_json, one_line, pad, separate_emoji, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2Jgone", "^[[2Jgone"),
        ("bell\x07 null\x00 delete\x7f", "bell^G null^@ delete^?"),
        ("\x9b31m and \x85", "\\x9b31m and \\x85"),
        ("\u202eesrever", "\\u202eesrever"),
        ("漢字 👍🏽 é", "漢字 👍🏽 é"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left_in_any_text(text: str) -> None:
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in harmless(text))


@given(st.text())
def test_json_on_a_terminal_has_the_same_value_and_steers_nothing(text: str) -> None:
    encoded = msgspec.json.encode({"task": f"{text}\x7f\x9b31m\u202e"}).decode()
    shown = harmless_json(encoded)
    assert json.loads(shown) == json.loads(encoded)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e" for char in shown)


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("👨‍👩‍👧", 2), ("", 0), ("a\u200bb", 2)]
)
def test_width_counts_columns_and_not_characters(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("fits", 4, "fits"),
        ("too long", 4, "too…"),
        ("漢字漢字", 5, "漢字…"),
        ("漢字漢字", 6, "漢字…"),
        ("漢字", 4, "漢字"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("anything", 0, ""),
    ],
)
def test_a_cut_never_splits_a_wide_or_combined_character(text: str, columns: int, shown: str) -> None:
    assert cut(text, columns) == shown


@given(st.text(), st.integers(0, 40))
def test_padded_text_is_exactly_as_wide_as_asked(text: str, columns: int) -> None:
    assert width(pad(harmless(text), columns)) == columns


def test_a_million_combining_characters_are_cut_in_no_time() -> None:
    assert width(cut("a" + "\u0301" * 1_000_000, 20)) <= 20


def test_one_line_is_the_first_that_says_something() -> None:
    assert one_line("\n\n  first \t line  \nsecond") == "first   line"
    assert one_line("") == ""
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\U0001f1ea\U0001f1f8 hola", "ES hola"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\U0001f469\U0001f467"),
        ("\u2764\ufe0f 1\ufe0f\u20e3", "\u2764 1"),
        ("\U0001f44d\U0001f3fd", "\U0001f44d"),
        ("caf\u00e9 \u6f22\u5b57", "caf\u00e9 \u6f22\u5b57"),
    ],
)
def test_emoji_sequences_are_shown_as_parts_whose_widths_every_terminal_knows(text: str, shown: str) -> None:
    assert separate_emoji(text) == shown
    assert width(shown) == sum(width(character) for character in shown)
