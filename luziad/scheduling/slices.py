"""Work that is too long for one turn of the loop: done piece by piece, so that others have their turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 250
"""How many jobs one turn looks at or queues: some milliseconds."""


def in_turns(items: Iterable[T], do: Callable[[list[T]], None]) -> None:
    """Do something with the first AT_ONCE items now, and with the others in later turns of the loop."""
    _turn(iter(items), do)


def _turn(items: Iterator[T], do: Callable[[list[T]], None]) -> None:
    some = list(islice(items, AT_ONCE))
    if some:
        do(some)
        asyncio.get_running_loop().call_soon(_turn, items, do)
