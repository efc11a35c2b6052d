"""Brings texts into the form in which they are compared: without case and diacritics. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CJK = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9d"
    r"\U00020000-\U0002fa1f\U00030000-\U000323af"
)
CJK = re.compile(f"([{_CJK}])")
"""A character of Chinese, Japanese or Korean, which are written without spaces or with endings at their words."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_RUN = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]{1,500}")
"""What is composed at once: the time for combining characters in a row grows with their square, and nothing else runs
meanwhile. No character is composed with an ASCII one that follows it."""
_PIECE_CHARS = 16 * 1024
"""What is divided at once, for the same reason."""
_ASCII_LOWER: dict[int, int | str] = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_WITH_DIACRITICS = 0x2000
"""Characters below may be letters with diacritics; above, a decomposition has another meaning."""


def compose(text: str) -> str:
    """The text with one character for a letter with its diacritics, as far as there is one."""
    return text if text.isascii() else _RUN.sub(_compose_run, text)


def _compose_run(run: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", run[0])


def fold(text: str) -> str:
    """A composed text in lower case and without diacritics; it has as many characters as before."""
    if text.isascii():
        return text.lower()
    others = {ord(each): _fold_character(each) for each in set(_NOT_ASCII.findall(text))}
    if all(ord(folded) == each for each, folded in others.items()):
        return text.lower()  # faster, and most transcripts have only signs such as `…` beside ASCII
    return text.translate({**_ASCII_LOWER, **others})


def divide(folded: str) -> str:
    """A folded text as it is indexed: each character of Chinese, Japanese and Korean is a word of its own."""
    if folded.isascii():
        return folded
    pieces = (folded[begin : begin + _PIECE_CHARS] for begin in range(0, len(folded), _PIECE_CHARS))
    return "".join([CJK.sub(r" \1 ", piece) for piece in pieces])


@lru_cache(4096)
def _fold_character(character: str) -> str:
    lower = character.lower()
    base = lower[0] if len(lower) > 1 else lower
    if ord(base) >= _WITH_DIACRITICS or base.isascii():
        return base
    parts = unicodedata.normalize("NFD", base)
    return parts[0] if all(unicodedata.combining(part) for part in parts[1:]) else base
