"""How urgent a job is and what it takes besides a slot. Pure data."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from luziad.jobs.resources import CPUS, MEMORY, cpu_units, memory_blocks

Needs = tuple[tuple[str, int], ...]
"""Resources and how much of each a job takes, sorted by name, each once."""


class Wants(NamedTuple):
    """What the ready queue has to know of a job.

    needs: resources and amounts. depth: the number of jobs that it is inside of.
    """

    project: str
    agent: str
    priority: int = 0
    needs: Needs = ()
    depth: int = 0


class Claims(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The part of a spec that the order of starts depends on.

    priority: higher ones start first. needs: named resources and how much of each.
    cpus, memory_bytes: what is kept of the machine for the job.
    """

    priority: int = 0
    needs: dict[str, int] = {}
    cpus: float | None = None
    memory_bytes: int | None = None

    @property
    def takes(self) -> Needs:
        """All resources in units, sorted by name."""
        if not self.needs and self.cpus is None and self.memory_bytes is None:
            return ()
        units = dict(self.needs)
        if self.cpus is not None:
            units[CPUS] = cpu_units(self.cpus)
        if self.memory_bytes is not None:
            units[MEMORY] = memory_blocks(self.memory_bytes)
        return tuple(sorted(units.items()))


NO_CLAIMS = Claims()
