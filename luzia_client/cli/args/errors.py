"""The exception for a wrong command line, and hints for misspelt words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class UsageError(Exception):
    """The command line is wrong. message: what is wrong. hint: how to correct it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def closest_match(word: str, known: Iterable[str]) -> str | None:
    """The known word that a word is probably a misspelling of; None if it resembles none of them.

    The dashes of options are no resemblance.
    """
    from difflib import get_close_matches

    by_letters = {each.lstrip("-"): each for each in known}
    near = get_close_matches(word.lower().lstrip("-"), list(by_letters), n=1, cutoff=0.6)
    return by_letters[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean X? ` as the beginning of a hint, or an empty text."""
    near = closest_match(word, known)
    return "" if near is None else f"Did you mean `{near}`? "
