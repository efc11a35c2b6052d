"""The colours of source text, by Pygments: each line in pieces, each with the class of its style.

Only the colours of the terminal's theme are used (see screen_control.py). Work is bounded: blocks of a hunk are read
when they are shown, and a block that is too long keeps its plain colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, Keyword, Literal, Name, Operator, Token
from pygments.util import ClassNotFound

from luzia_client.tui.fullscreen.text_view import Fragments

MAX_CHARS = 20_000
"""The most text that is read at once; a larger block keeps its plain colour."""

_CLASSES = (
    (Comment, "class:code-comment"),
    (Keyword, "class:code-keyword"),
    (Operator.Word, "class:code-keyword"),
    (Literal.String, "class:code-string"),
    (Literal.Number, "class:code-number"),
    (Name.Function, "class:code-name"),
    (Name.Class, "class:code-name"),
    (Name.Decorator, "class:code-name"),
    (Name.Tag, "class:code-keyword"),
    (Name.Attribute, "class:code-name"),
)


def colour_lines(path: str, lines: Sequence[str]) -> list[Fragments]:
    """Consecutive lines of a file in pieces; without colours if its language is unknown."""
    lexer = _lexer(path.rpartition("/")[2])
    if lexer is None or sum(map(len, lines)) > MAX_CHARS:
        return [[("", line)] for line in lines]
    shown: list[Fragments] = [[]]
    for kind, text in lexer.get_tokens("\n".join(lines)):
        style = _style(kind)
        for number, piece in enumerate(text.split("\n")):
            if number:
                shown.append([])
            if piece:
                shown[-1].append((style, piece))
    shown = shown[: len(lines)] + [[] for _ in range(len(lines) - len(shown))]
    # What a lexer normalises, such as a form feed, must not change what is shown.
    return [
        found if "".join(text for _, text in found) == line else [("", line)]
        for found, line in zip(shown, lines, strict=True)
    ]


@lru_cache(maxsize=256)
def _lexer(name: str) -> Lexer | None:
    """The lexer for the name of a file; None if no language has it."""
    try:
        return get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=512)
def _style(kind: object) -> str:
    return next((style for token, style in _CLASSES if kind in token), "") if kind is not Token else ""
