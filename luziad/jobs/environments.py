"""The environment variables of jobs, each distinct set once. Pure. Values are secrets: never log them.

Sets that are in the store are kept in memory as long as they are small, up to a total size.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256

from luziad.jobs.abridging import text_size

NO_VARIABLES = 0
"""The number of the empty set."""
LOST_VARIABLES = -1
"""The number of a set that was lost with the store; `get` gives None for it."""
LARGE_BYTES = 64 * 1024
"""A set of this size is not kept in memory."""
KEPT_BYTES = 16 * 1024 * 1024
"""All sets in memory together, except those that are not in the store yet."""
_VARIABLE_BYTES = 128
"""What a variable takes in memory besides its text."""


class Environments:
    """Sets of variables by number, with a count of the jobs that use each.

    read: the variables of a set that is in the store, None when it is not.
    """

    def __init__(
        self,
        known: Mapping[int, dict[str, str]] | None = None,
        read: Callable[[int], dict[str, str] | None] = lambda number: None,
    ) -> None:
        self._read = read
        self._kept: dict[int, dict[str, str]] = {}
        self._kept_bytes = 0
        self._keys: dict[int, bytes] = {}
        self._numbers: dict[bytes, int] = {}
        self._users: Counter[int] = Counter()
        self._last = 0
        self._unwritten: dict[int, int] = {}  # large sets, with their sizes
        for number, variables in (known or {}).items():
            self.restore(number, variables)

    def restore(self, number: int, variables: dict[str, str]) -> None:
        """Add a set that is in the store."""
        self._add(number, _key(variables))
        self._keep(number, variables, _size_in_memory(variables))
        self._last = max(self._last, number)

    def add_use(self, variables: dict[str, str]) -> tuple[int, bool]:
        """Count one more job that uses this set; return the set's number, and whether it is new."""
        if not variables:
            return NO_VARIABLES, False
        key = _key(variables)
        number = self._numbers.get(key)
        new = number is None
        if number is None:
            self._last = number = self._last + 1
            self._add(number, key)
            size = _size_in_memory(variables)
            if not self._keep(number, variables, size):
                self._kept[number] = variables
                self._unwritten[number] = size
        self._users[number] += 1
        return number, new

    def written(self, *numbers: int) -> None:
        """These sets are in the store now: keep large ones in memory no longer."""
        if self._unwritten:
            for number in numbers:
                if self._unwritten.pop(number, None) is not None:
                    self._kept.pop(number, None)

    def restore_use(self, number: int) -> None:
        """Count a job that was loaded from the store. Its set may be lost; the number is not reused."""
        if number:
            self._users[number] += 1
            self._last = max(self._last, number)

    def release(self, number: int) -> bool:
        """Count one job less; return True when no job uses the set any more, and it was dropped."""
        if not number:
            return False
        self._users[number] -= 1
        if self._users[number] > 0:
            return False
        return self._drop(number)

    def drop_unused(self) -> list[int]:
        """Drop the sets that no job uses; return their numbers."""
        idle = [number for number in self._keys if not self._users[number]]
        return [number for number in idle if self._drop(number)]

    def get(self, number: int) -> dict[str, str] | None:
        """The variables of a set; None when the store lost them."""
        if number == NO_VARIABLES:
            return {}
        if number not in self._keys:
            return None
        kept = self._kept.get(number)
        return self._read(number) if kept is None else kept

    def names(self, number: int) -> list[str]:
        """The names of a set's variables, which are not secret."""
        return sorted(self.get(number) or {})

    def _add(self, number: int, key: bytes) -> None:
        self._keys[number] = key
        self._numbers[key] = number

    def _keep(self, number: int, variables: dict[str, str], size: int) -> bool:
        """Keep a set in memory if there is room for it."""
        if size > LARGE_BYTES or self._kept_bytes + size > KEPT_BYTES:
            return False
        self._kept[number] = variables
        self._kept_bytes += size
        return True

    def _drop(self, number: int) -> bool:
        del self._users[number]
        key = self._keys.pop(number, None)
        if key is None:
            return False
        self._numbers.pop(key, None)
        variables = self._kept.pop(number, None)
        if variables is not None and self._unwritten.pop(number, None) is None:
            self._kept_bytes -= _size_in_memory(variables)
        return True


def _size_in_memory(variables: Mapping[str, str]) -> int:
    return sum(text_size(name) + text_size(value) + _VARIABLE_BYTES for name, value in variables.items())


def _key(variables: Mapping[str, str]) -> bytes:
    """What equal sets have in common."""
    return sha256(json.dumps(variables, sort_keys=True).encode()).digest()
