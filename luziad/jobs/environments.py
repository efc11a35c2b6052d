"""The environment variables of jobs, each distinct set once. Pure. Values are secrets: never log them."""

from __future__ import annotations

from collections import Counter

NO_VARIABLES = 0
"""The number of the empty set."""
LOST_VARIABLES = -1
"""The number of a set that was lost with the store; `get` gives None for it."""


class Environments:
    """Sets of variables by number, with a count of the jobs that use each."""

    def __init__(self, known: dict[int, dict[str, str]]) -> None:
        self._sets = known
        self._numbers = {_key(variables): number for number, variables in known.items()}
        self._users: Counter[int] = Counter()
        self._last = max(known, default=0)

    def add_use(self, variables: dict[str, str]) -> tuple[int, bool]:
        """Count one more job that uses this set; return the set's number, and whether it is new."""
        if not variables:
            return NO_VARIABLES, False
        key = _key(variables)
        number = self._numbers.get(key)
        new = number is None
        if number is None:
            self._last = number = self._last + 1
            self._numbers[key] = number
            self._sets[number] = variables
        self._users[number] += 1
        return number, new

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
        idle = [number for number in self._sets if not self._users[number]]
        return [number for number in idle if self._drop(number)]

    def get(self, number: int) -> dict[str, str] | None:
        """The variables of a set; None when the store lost them."""
        return {} if number == NO_VARIABLES else self._sets.get(number)

    def names(self, number: int) -> list[str]:
        """The names of a set's variables, which are not secret."""
        return sorted(self.get(number) or {})

    def _drop(self, number: int) -> bool:
        del self._users[number]
        variables = self._sets.pop(number, None)
        if variables is None:
            return False
        self._numbers.pop(_key(variables), None)
        return True


def _key(variables: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(variables.items()))
