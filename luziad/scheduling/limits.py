"""What the configuration says about how many jobs run at once, as the ready queue wants it."""

from __future__ import annotations

from luziad.config.schema import Config
from luziad.jobs.resources import BLOCK_BYTES, CPU_UNITS, CPUS, MEMORY
from luziad.scheduling.ready.lanes import Limits


def limits(config: Config) -> Limits:
    """The limits of all lanes, and the weights of the projects."""
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
