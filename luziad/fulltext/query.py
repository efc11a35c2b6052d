"""Understands the words of a search. Pure.

All words must be found. `"a phrase"` in quotation marks is found as it stands; a `*` at the end of a word or after a
phrase stands for any end of the last word. What joins words without a space, as in `retry-after` or `app.py`, makes a
phrase of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_SEARCH_CHARS, MAX_SEARCH_WORDS

from luziad.fulltext.folding import CJK, compose, divide, fold

_PART = re.compile(r'"([^"]*)"(\*?)|([^\s"]+)')
_WORD = re.compile(r"[^\W_]+")
_EXAMPLE = 'For example: luzia search "login button" parse*'


class Query(NamedTuple):
    """match: the words for SQLite's FTS5. terms: what finds each word or phrase in a folded text."""

    match: str
    terms: list[re.Pattern[str]]


def parse_query(text: str) -> Query:
    """The words of a search. Raises Refused when there is none, or too many, or a quotation mark is missing."""
    if len(text) > MAX_SEARCH_CHARS:
        raise _refuse(f"the search is longer than {MAX_SEARCH_CHARS} characters")
    if text.count('"') % 2:
        raise _refuse("a quotation mark is missing: a phrase begins and ends with one")
    phrases = []
    for found in _PART.finditer(compose(text)):
        words, star = (found[1], found[2]) if found[3] is None else (found[3].rstrip("*"), found[3][-1:])
        if phrase := _WORD.findall(divide(fold(words))):
            phrases.append((phrase, star == "*"))
    if not phrases:
        raise _refuse("a search needs letters or digits")
    if sum(len(phrase) for phrase, _ in phrases) > MAX_SEARCH_CHARS or len(phrases) > MAX_SEARCH_WORDS:
        raise _refuse(f"the search has more than {MAX_SEARCH_WORDS} words")
    match = " AND ".join(f'"{" ".join(phrase)}"{" *" if prefix else ""}' for phrase, prefix in phrases)
    return Query(match, [_pattern(phrase, prefix) for phrase, prefix in phrases])


def _pattern(phrase: list[str], prefix: bool) -> re.Pattern[str]:
    pieces = [r"(?<![^\W_])" if not CJK.match(phrase[0]) else ""]
    for number, word in enumerate(phrase):
        if number:
            between = CJK.match(word) and CJK.match(phrase[number - 1])
            pieces.append(r"[\W_]*" if between else r"[\W_]+")
        pieces.append(re.escape(word))
    if prefix:
        pieces.append(r"[^\W_]*")
    elif not CJK.match(phrase[-1]):
        pieces.append(r"(?![^\W_])")
    return re.compile("".join(pieces))


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.BAD_REQUEST, message, _EXAMPLE)
