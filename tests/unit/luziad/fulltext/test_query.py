"""The words of a search become a query that finds exactly them, and excerpts that show them."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.errors import Refused

from luziad.fulltext.excerpt import EXCERPT_CHARS, find_excerpt
from luziad.fulltext.folding import compose, divide, fold
from luziad.fulltext.query import parse_query


def finds(words: str, text: str) -> bool:
    """Whether FTS5 finds the words in a text, as it is indexed."""
    with sqlite3.connect(":memory:") as database:
        database.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61 remove_diacritics 0')"
        )
        database.execute("INSERT INTO words (rowid, text) VALUES (1, ?)", (divide(fold(compose(text))),))
        match = parse_query(words).match
        return database.execute("SELECT rowid FROM words WHERE words MATCH ?", (match,)).fetchone() is not None


@pytest.mark.parametrize(
    ("words", "text", "is_found"),
    [
        ("login", "fix the LOGIN button", True),
        ("login css", "fix the login button", False),
        ('"login button"', "fix the login-button", True),
        ('"button login"', "fix the login button", False),
        ("log*", "fix the login button", True),
        ("log", "fix the login button", False),
        ('"the log"*', "fix the login button", True),
        ("naive resume", "na\u00efve re\u0301sume\u0301", True),
        ("\u0130stanbul", "istanbul", True),
        ("stra\u00dfe", "STRA\u1e9eE", True),
        ("\u767b\u5f55", "\u4fee\u590d\u767b\u5f55\u6309\u94ae", True),
        ("\u767b\u94ae", "\u4fee\u590d\u767b\u5f55\u6309\u94ae", False),
        ("\ub85c\uadf8", "\ub85c\uadf8\uc778\uc744 \uace0\uce5c\ub2e4", True),
    ],
)
def test_words_phrases_and_prefixes(words: str, text: str, is_found: bool) -> None:
    assert finds(words, text) is is_found
    text = compose(text)
    excerpt = find_excerpt({"task": text}, parse_query(words).terms)
    assert any(piece.found for piece in excerpt.pieces) or not is_found


@given(st.text(max_size=80))
def test_any_text_is_a_query_or_refused_with_words(words: str) -> None:
    try:
        query = parse_query(words)
    except Refused:
        return
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='')")
        database.execute("SELECT rowid FROM words WHERE words MATCH ?", (query.match,)).fetchall()


@given(st.text(max_size=2000))
def test_folding_keeps_the_length_and_an_excerpt_is_short_and_in_one_line(text: str) -> None:
    composed = compose(text)
    assert len(fold(composed)) == len(composed)
    found = find_excerpt({"transcript": composed}, parse_query("a 1*").terms)
    shown = "".join(piece.text for piece in found.pieces)
    assert len(shown) <= EXCERPT_CHARS + 2
    assert shown.isprintable()


def test_the_excerpt_is_of_the_text_with_most_of_the_words() -> None:
    texts = {"task": "an amber light", "message": "amber needle", "transcript": "x " * 500 + "the amber needle broke"}
    found = find_excerpt(texts, parse_query("needle broke").terms)  # type: ignore[arg-type]
    assert found.where == "transcript"
    assert [piece.text for piece in found.pieces if piece.found] == ["needle", "broke"]
    assert found.pieces[0].text == "…"
