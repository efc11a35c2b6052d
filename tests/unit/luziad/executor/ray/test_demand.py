"""What a job needs is compared with each node as a whole, and what is missing is said."""

from __future__ import annotations

import pytest

from luziad.executor.ray.demand import Demand, NodeResources, demand_of, find_lack
from luziad.jobs.requirements import Requirements

SMALL = NodeResources("small", {"CPU": 2.0, "memory": 4 * 2.0**30})
LARGE = NodeResources("large", {"CPU": 8.0, "memory": 2 * 2.0**30, "GPU": 1.0, "tape": 1.0})


@pytest.mark.parametrize(
    ("demand", "words"),
    [
        (Demand(), None),
        (Demand(cpus=8.0, gpus=1.0, others={"tape": 1}), None),
        (Demand(cpus=16.0), "the job needs 16 CPUs, and no node has more than 8 CPUs"),
        (Demand(gpus=2.0), "the job needs 2 GPUs, and no node has more than 1 GPU"),
        (Demand(memory_bytes=8 * 2**30), "the job needs 8 GiB of memory, and no node has more than 4 GiB of memory"),
        (Demand(others={"disk": 3}), "the job needs disk=3, and no node has more than disk=0"),
        (
            Demand(cpus=4.0, memory_bytes=3 * 2**30),
            "the job needs 4 CPUs and 3 GiB of memory, and no single node has all of it",
        ),
    ],
)
def test_what_no_node_has_is_named(demand: Demand, words: str | None) -> None:
    assert find_lack(demand, [SMALL, LARGE]) == words


def test_a_cluster_without_nodes_has_room_for_nothing() -> None:
    assert find_lack(Demand(), []) == "the cluster has no node"


def test_a_job_needs_one_cpu_unless_it_says_otherwise() -> None:
    assert demand_of(Requirements(executor="c")).amounts == {"CPU": 1.0}
    asked = Requirements(cpus=0.5, memory_bytes=1024, needs={"tape": 1}, executor="c", gpus=2.0)
    assert demand_of(asked).amounts == {"CPU": 0.5, "memory": 1024.0, "GPU": 2.0, "tape": 1}
