"""Texts are brought into a comparable form, in pieces that cannot hold anything up."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luziad.fulltext import folding
from luziad.fulltext.folding import compose, divide, fold

LETTERS = st.text("aeoAz é\u0301\u0308\u0316\u0323\u1100\u1161\u11a8漢カ\u3099\n-", max_size=60)


@given(LETTERS)
def test_a_text_is_composed_as_unicode_says(text: str) -> None:
    assert compose(text) == unicodedata.normalize("NFC", text)


@given(LETTERS)
def test_a_folded_text_has_as_many_characters(text: str) -> None:
    assert len(fold(compose(text))) == len(compose(text))


def test_combining_characters_without_end_are_composed_in_short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time for each piece grows with the square of its length."""
    lengths = []

    def normalize(form: Literal["NFC", "NFD"], text: str) -> str:
        lengths.append(len(text))
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(folding, "unicodedata", type("", (), {"normalize": normalize, "combining": None}))
    composed = compose("a" + "\u0301\u0316" * 100_000)
    assert max(lengths) <= 501
    assert composed.startswith("á")


def test_a_text_is_divided_in_pieces_as_if_it_were_one() -> None:
    assert divide("x漢字" * 20_000) == "x 漢  字 " * 20_000
