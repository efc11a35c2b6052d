"""The variables that jobs were given, each distinct set once. Pure data; values are secrets: never log them."""

from __future__ import annotations

from collections import Counter

NONE = 0
"""The number of the empty set."""
LOST = -1
"""The number of a set that was lost with the store; `get` knows nothing of it."""


class Environments:
    """Sets of variables by number, counted by the jobs that use them."""

    def __init__(self, known: dict[int, dict[str, str]]) -> None:
        self._sets = known
        self._numbers = {_key(variables): number for number, variables in known.items()}
        self._users: Counter[int] = Counter()
        self._last = max(known, default=0)

    def use(self, variables: dict[str, str]) -> tuple[int, bool]:
        """The number of this set for one more job, and whether the set is new."""
        if not variables:
            return NONE, False
        key = _key(variables)
        number = self._numbers.get(key)
        new = number is None
        if number is None:
            self._last = number = self._last + 1
            self._numbers[key] = number
            self._sets[number] = variables
        self._users[number] += 1
        return number, new

    def use_again(self, number: int) -> None:
        """Count a job that was loaded from the store; its set may be lost, and its number is not used again."""
        if number:
            self._users[number] += 1
            self._last = max(self._last, number)

    def release(self, number: int) -> bool:
        """One job fewer uses the set; True when nobody does any more and it is forgotten."""
        if not number:
            return False
        self._users[number] -= 1
        if self._users[number] > 0:
            return False
        return self._forget(number)

    def unused(self) -> list[int]:
        """Forget the sets that no job uses, and return their numbers."""
        idle = [number for number in self._sets if not self._users[number]]
        return [number for number in idle if self._forget(number)]

    def get(self, number: int) -> dict[str, str] | None:
        """The variables of a set; None when the store lost them."""
        return {} if number == NONE else self._sets.get(number)

    def names(self, number: int) -> list[str]:
        """The names of a set's variables, which are no secret."""
        return sorted(self.get(number) or {})

    def _forget(self, number: int) -> bool:
        del self._users[number]
        variables = self._sets.pop(number, None)
        if variables is None:
            return False
        self._numbers.pop(_key(variables), None)
        return True


def _key(variables: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(variables.items()))
