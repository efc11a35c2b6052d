from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_client.cli.args.errors import UsageError
from luzia_client.tui.shell.quoting import QUOTES, escape_inside, quote_word, split, split_complete

LINES = st.text(alphabet="ab é\t\n'\"\\", max_size=14)


@given(LINES)
def test_words_are_quoted_as_in_a_shell(line: str) -> None:
    if "\\\n" in line:
        return  # a shell takes both away, and shlex keeps the line break
    found = split(line)
    if found.open:
        with pytest.raises(ValueError):
            shlex.split(line)
    else:
        assert found.texts == shlex.split(line)


@given(st.text(max_size=20))
def test_a_quoted_text_is_one_word_again(text: str) -> None:
    assert split(quote_word(text)).texts == [text]
    for quote in QUOTES:
        assert split(quote + escape_inside(quote, text) + quote).texts == [text]


def test_a_backslash_before_a_line_break_goes_on_in_the_next_line() -> None:
    assert split("over\\\nbits").texts == ["overbits"]
    assert split("jobs \\").open == "\\"


def test_words_know_where_they_begin_and_what_line_breaks_stand_before_them() -> None:
    found = split("fix  this:\n  - a\n")
    assert [(word.text, word.start, word.gap) for word in found.words] == [
        ("fix", 0, " "),
        ("this:", 5, " "),
        ("-", 13, "\n  "),
        ("a", 15, " "),
    ]
    assert not found.in_word
    assert split("fix th").in_word


@pytest.mark.parametrize("line", ["overbits don't", 'overbits say "it', "overbits \\"])
def test_a_line_that_is_not_whole_says_what_is_open_and_what_to_do(line: str) -> None:
    with pytest.raises(UsageError) as raised:
        split_complete(line)
    assert raised.value.message
    assert raised.value.hint
    assert split_complete(line + ("'" if "'" in line else '"' if '"' in line else "\\")).texts


def test_an_open_quote_is_shown_without_what_would_steer_the_terminal() -> None:
    with pytest.raises(UsageError, match=r"unclosed quote: '\^\[\[2J"):
        split_complete("overbits '\x1b[2J and a very long text that goes on and on")
