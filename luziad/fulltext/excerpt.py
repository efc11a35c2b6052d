"""Chooses where a job was found, and the excerpt that shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from luzia_protocol.searching import Piece, Where

from luziad.fulltext.folding import fold

EXCERPT_CHARS = 240
BEFORE_CHARS = 60
"""How much of the text is shown before the first word that was found."""
MAX_MARKS = 20


class Found(NamedTuple):
    """where: the name of the text. pieces: the excerpt, in which the words that were found are pieces of their own."""

    where: Where
    pieces: list[Piece]


def find_excerpt(texts: Mapping[Where, str], terms: list[re.Pattern[str]]) -> Found:
    """The excerpt of the text that has most of the terms; among equals, of the first one."""
    best: Where = "task"
    most = first = 0
    for where, text in texts.items():
        folded = fold(text)
        hits = [hit.start() for term in terms if (hit := term.search(folded)) is not None]
        if len(hits) > most:
            best, most, first = where, len(hits), min(hits)
        if most == len(terms):
            break
    if not most:  # a word that ends at the border of Chinese, Japanese or Korean characters
        best = next(iter(texts))
    return Found(best, _pieces(texts[best], terms, first))


def _pieces(text: str, terms: list[re.Pattern[str]], first: int) -> list[Piece]:
    begin = max(0, first - BEFORE_CHARS)
    if begin:  # at the beginning of a word
        begin = next((space.end() for space in re.finditer(r"\s", text[begin:first])), 0) + begin
    part = text[begin : begin + EXCERPT_CHARS]
    folded = fold(part)
    marks = sorted(hit.span() for term in terms for hit in term.finditer(folded))[:MAX_MARKS]
    pieces, done = [], 0
    for start, end in marks:
        if start >= done:
            pieces += [Piece(_one_line(part[done:start])), Piece(_one_line(part[start:end]), found=True)]
            done = end
    pieces.append(Piece(_one_line(part[done:])))
    if begin:
        pieces.insert(0, Piece("…"))
    if begin + EXCERPT_CHARS < len(text):
        pieces.append(Piece("…"))
    return [piece for piece in pieces if piece.text]


def _one_line(text: str) -> str:
    spaced = "".join(each if each.isprintable() else " " for each in text)
    return re.sub(r"\s+", " ", spaced)
