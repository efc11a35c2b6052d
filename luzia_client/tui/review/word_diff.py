"""What changed inside of a line: the parts of an old and a new line that differ, by words. Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

MAX_CHARS = 1000
"""Longer lines are compared as a whole."""
LEAST_COMMON = 0.3
"""The share of characters that two lines must have in common; below it, the marks would say nothing."""

Span = tuple[int, int]
"""Where a changed part begins and ends, in characters."""

_WORD = re.compile(r"\w+|\s+|.", re.DOTALL)


@lru_cache(maxsize=4096)
def changed_spans(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The changed parts of the old line and of the new one; none for lines that have too little in common."""
    if max(len(old), len(new)) > MAX_CHARS:
        return (), ()
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    blocks = matcher.get_matching_blocks()
    common = sum(len(word.strip()) for block in blocks for word in before[block.a : block.a + block.size])
    if common < LEAST_COMMON * max(len(old.strip()), len(new.strip())):
        return (), ()
    gaps = [opcode for opcode in matcher.get_opcodes() if opcode[0] != "equal"]
    return (
        _spans(before, [(begin, end) for _, begin, end, _, _ in gaps]),
        _spans(after, [(begin, end) for _, _, _, begin, end in gaps]),
    )


def _spans(words: list[str], ranges: list[Span]) -> tuple[Span, ...]:
    """Ranges of words as ranges of characters, without empty ones."""
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return tuple((starts[begin], starts[end]) for begin, end in ranges if begin < end)
