"""The priority of a job, and the resources that it reserves besides a slot. Pure."""

from __future__ import annotations

import msgspec

from luziad.jobs.resources import CPUS, MEMORY, cpu_units, memory_blocks

Needs = tuple[tuple[str, int], ...]
"""Resources with the units that a job reserves of each, sorted by name, each once."""


class Wants(msgspec.Struct, frozen=True, gc=False):
    """What the ready queue needs to know about a job.

    needs: resources and units. depth: the number of its ancestors.
    """

    project: str
    agent: str
    priority: int = 0
    needs: Needs = ()
    depth: int = 0


class Requirements(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The part of a spec that decides when the job starts.

    priority: higher ones start first. needs: named resources and how many units of each.
    cpus, memory_bytes: reserved for the job. executor: the cluster that it runs on; None is this machine.
    gpus: what it needs of a node there.
    """

    priority: int = 0
    needs: dict[str, int] = {}
    cpus: float | None = None
    memory_bytes: int | None = None
    executor: str | None = None
    gpus: float | None = None

    @property
    def resources(self) -> Needs:
        """All reserved resources of this machine in units, sorted by name."""
        if self.executor is not None:
            return ()
        if not self.needs and self.cpus is None and self.memory_bytes is None:
            return ()
        units = dict(self.needs)
        if self.cpus is not None:
            units[CPUS] = cpu_units(self.cpus)
        if self.memory_bytes is not None:
            units[MEMORY] = memory_blocks(self.memory_bytes)
        return tuple(sorted(units.items()))


LOCAL = "local"
"""The name of this machine as an executor."""

NO_REQUIREMENTS = Requirements()
