"""The configured limits of the ready queue. Pure data."""

from __future__ import annotations

import msgspec

from luziad.config.schema import Config
from luziad.jobs.resources import BLOCK_BYTES, CPU_UNITS, CPUS, MEMORY

UNLIMITED = 1 << 62


class Limits(msgspec.Struct, frozen=True):
    """The limits of all lanes and the weights of the projects.

    slots: attempts that may run at once. projects, agents: the same by the name of a project or an agent.
    weights: of projects, by name; 1 for all others.
    resources: the amount of each resource, by name. A job that needs another one never starts.
    starvation_after_s: seconds after which a job gets a reservation, when others were given what it waits for.
    """

    slots: int
    projects: dict[str, int] = {}
    agents: dict[str, int] = {}
    weights: dict[str, float] = {}
    resources: dict[str, int] = {}
    starvation_after_s: float = 600.0


def configured_limits(config: Config) -> Limits:
    """The limits that the configuration sets."""
    daemon, projects, agents = config.daemon, config.projects, config.agents
    return Limits(
        slots=daemon.max_running,
        projects={name: each.max_running for name, each in projects.items() if each.max_running is not None},
        agents={name: each.max_running for name, each in agents.items() if each.max_running is not None},
        weights={name: each.weight for name, each in projects.items() if each.weight is not None},
        resources={
            **config.resources,
            CPUS: int(daemon.cpus * CPU_UNITS),
            MEMORY: daemon.memory_bytes // BLOCK_BYTES,
        },
        starvation_after_s=daemon.starvation_after_s,
    )
