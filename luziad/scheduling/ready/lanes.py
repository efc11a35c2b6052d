"""Lanes: what limits how many jobs run at once. A lane has a capacity, and each running job takes some of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from luziad.scheduling.ready.ranking import Ranking

if TYPE_CHECKING:
    from luziad.scheduling.ready.groups import Shape

UNLIMITED = 1 << 62


class Limits(msgspec.Struct, frozen=True):
    """What is configured.

    slots: attempts that may run at once. projects, agents: the same for single ones, by name.
    weights: of projects, by name; 1 for all others.
    resources: how much there is of each, by name. A job that needs another one never starts.
    starvation_after_s: seconds after which a job's resources are reserved for it, when others were given them.
    """

    slots: int
    projects: dict[str, int] = {}
    agents: dict[str, int] = {}
    weights: dict[str, float] = {}
    resources: dict[str, int] = {}
    starvation_after_s: float = 600.0


class Lane:
    """How much there is of something, and how much of it is taken.

    reserved: what is kept for a job that waits for more, and for those that want theirs back. given: by priority, the
    number of the latest start that took of it. parked: the shapes that wait for this lane, those that need least
    first. kept: what is taken by jobs that wait for others themselves.
    """

    __slots__ = ("capacity", "given", "kept", "name", "parked", "reserved", "used")

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.capacity = capacity
        self.used = 0
        self.reserved = 0
        self.kept = 0
        self.given: dict[int, int] = {}
        self.parked: Ranking[Shape, tuple[int, int]] = Ranking()

    @property
    def free(self) -> int:
        """What a job may take; below 0 after a reduction, or while more is reserved than is there."""
        return self.capacity - self.used - self.reserved

    @property
    def limited(self) -> bool:
        """Whether it has a limit at all."""
        return self.capacity < UNLIMITED
