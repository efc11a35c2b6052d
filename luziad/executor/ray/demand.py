"""What an attempt needs of a node, and whether a node has it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from luziad.jobs.requirements import Requirements

CPU, GPU, MEMORY = "CPU", "GPU", "memory"
"""Ray's names of them."""
DEFAULT_CPUS = 1.0


class Demand(msgspec.Struct, frozen=True):
    """cpus, gpus, memory_bytes: 0 for none. others: resources of the cluster by name."""

    cpus: float = DEFAULT_CPUS
    gpus: float = 0.0
    memory_bytes: int = 0
    others: dict[str, int] = {}

    @property
    def amounts(self) -> dict[str, float]:
        """All that is needed, by Ray's names."""
        own = {CPU: self.cpus, GPU: self.gpus, MEMORY: float(self.memory_bytes)}
        return {name: amount for name, amount in {**own, **self.others}.items() if amount > 0}


class NodeResources(msgspec.Struct, frozen=True):
    """A node. total: all that it has, by Ray's names, whether it is in use or not."""

    name: str
    total: dict[str, float]


def demand_of(requirements: Requirements) -> Demand:
    """What a job's options ask for."""
    cpus = DEFAULT_CPUS if requirements.cpus is None else requirements.cpus
    return Demand(cpus, requirements.gpus or 0.0, requirements.memory_bytes or 0, dict(requirements.needs))


def find_lack(demand: Demand, nodes: Sequence[NodeResources]) -> str | None:
    """Why no node can ever run this, as text; None when one can."""
    amounts = demand.amounts
    if any(all(node.total.get(name, 0) >= amount for name, amount in amounts.items()) for node in nodes):
        return None
    if not nodes:
        return "the cluster has no node"
    for name, amount in amounts.items():
        most = max(node.total.get(name, 0) for node in nodes)
        if most < amount:
            return f"the job needs {_describe(name, amount)}, and no node has more than {_describe(name, most)}"
    wanted = " and ".join(_describe(name, amount) for name, amount in amounts.items())
    return f"the job needs {wanted}, and no single node has all of it"


def _describe(name: str, amount: float) -> str:
    if name == MEMORY:
        return f"{amount / 2**30:.4g} GiB of memory"
    if name in (CPU, GPU):
        return f"{amount:g} {name}{'' if amount == 1 else 's'}"
    return f"{name}={amount:g}"
