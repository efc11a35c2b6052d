"""One cluster for each process of pytest; each test has a luzia and a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from private_luzia import PrivateLuzia
from ray_cluster import RayCluster, lack, luzia_on, ray_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A cluster with one node."""
    if (reason := lack()) is not None:
        pytest.skip(reason)
    with ray_cluster(tmp_path_factory.mktemp("spool")) as found:
        found.add_node(cpus=4)
        found.wait_for_nodes()
        yield found


@pytest.fixture
def luzia(cluster: RayCluster) -> Iterator[PrivateLuzia]:
    """A luzia with a project on the cluster."""
    with luzia_on(cluster) as found:
        yield found
