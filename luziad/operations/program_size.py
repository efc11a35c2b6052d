"""How large the arguments and the environment of a program may be, from execve(2)."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence

from luziad.jobs.abridging import text_size

MAX_STRING_BYTES = 128 * 1024
"""One argument or `NAME=value`, with the byte that ends it (MAX_ARG_STRLEN: 32 pages)."""
POINTER_BYTES = 8
"""What each of them takes besides."""

_LEAST_BYTES = 128 * 1024
_MOST_BYTES = 6 * 1024 * 1024
"""The kernel allows at least the first and at most the second, however large the stack may be."""


def max_program_bytes() -> int:
    """All arguments and variables together: a quarter of the stack limit, which programs inherit from the daemon."""
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    if stack == resource.RLIM_INFINITY:
        return _MOST_BYTES
    return min(max(stack // 4, _LEAST_BYTES), _MOST_BYTES)


def program_bytes(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """What these arguments and variables take."""
    arguments = sum(text_size(each) + 1 + POINTER_BYTES for each in argv)
    return arguments + sum(
        text_size(name) + text_size(value) + 2 + POINTER_BYTES for name, value in environment.items()
    )
