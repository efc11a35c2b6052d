"""A queue whose first member is the one that has used the least time. Pure."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, TypeVar

AHEAD_S = 0.005
"""How much less a member counts as having used when it arrives than when it continues: short requests come first, as
long as they are not more than a share of the time."""
CREDIT_S = 0.005
"""After an idle time, a member counts as having used at most this much less than the others."""
DEBT_S = 0.01
"""After long work, a member counts as having used at most this much more than the others."""


class Member:
    """A member of a line. used_s: seconds of processor time. is_waiting: it is in the line."""

    __slots__ = ("is_waiting", "used_s")

    def __init__(self) -> None:
        self.used_s = 0.0
        self.is_waiting = False


M = TypeVar("M", bound=Member)


class Line(Generic[M]):
    """Members that wait for a turn. Those that have used the same time are served in order of arrival."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, M]] = []
        self._number = 0
        self._least_used_s = 0.0  # by those who had a turn lately

    def __len__(self) -> int:
        return len(self._waiting)

    def welcome(self, member: M) -> None:
        """Let a new member count as having used as much as those that are served now."""
        member.used_s = self._least_used_s

    def add(self, member: M, *, continues: bool = False) -> None:
        """Add a member, unless it is waiting already. continues: it has just had a turn, and needs more."""
        if not member.is_waiting:
            member.is_waiting = True
            least = self._least_used_s
            member.used_s = min(max(member.used_s, least - CREDIT_S), least + DEBT_S)
            self._number += 1
            heappush(self._waiting, (member.used_s - (0.0 if continues else AHEAD_S), self._number, member))

    def pop(self) -> M:
        """Remove and return the member that has used least."""
        rank, _, member = heappop(self._waiting)
        self._least_used_s = max(self._least_used_s, rank)
        member.is_waiting = False
        return member
