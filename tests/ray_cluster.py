"""A real cluster of Ray on this machine for tests: a head without CPUs, and nodes that can be killed.

Ray binds the first interface of the machine instead of the loopback interface, so this needs a network namespace with
nothing else, and all its processes end with the pid namespace: `make test-ray` makes both.
"""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from luzia_protocol.errors import Refused

from private_luzia import PrivateLuzia, private_luzia

STORE_BYTES = 80_000_000
LEASE_S = 3.0
HEALTH = {"period_ms": 300, "timeout_ms": 600, "failure_threshold": 2, "initial_delay_ms": 500}
"""How the head checks its nodes: sooner than the values that docs/ray.md recommends."""


def lack() -> str | None:
    """Why there can be no cluster here; None when there can be one."""
    if importlib.util.find_spec("ray") is None:
        return "luzia[ray] is not installed: run `make test-ray`"
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        return "no network namespace of its own: run `make test-ray`"
    return None


class Addressed(Protocol):
    """A cluster. address: of its head."""

    @property
    def address(self) -> str: ...


class RayCluster:
    """cluster: Ray's. spool: where all of its nodes keep what luzia has there."""

    def __init__(self, cluster: Any, spool: Path) -> None:
        self.cluster = cluster
        self.spool = spool

    @property
    def address(self) -> str:
        """That of the head."""
        return str(self.cluster.address)

    def add_node(self, cpus: int = 2, spool: Path | None = None, **resources: float) -> Any:
        """Add a node with these resources. spool: its own, if it is not that of all nodes."""
        env = {"LUZIA_SPOOL": str(spool or self.spool)}
        return self.cluster.add_node(num_cpus=cpus, resources=resources, object_store_memory=STORE_BYTES, env_vars=env)

    def kill_node(self, node: Any) -> None:
        """Kill a node at once, as a power failure would."""
        self.cluster.remove_node(node, allow_graceful=False)

    def kill_head(self) -> None:
        """Kill the head's server, which keeps its tables on the disk."""
        self.cluster.head_node.kill_gcs_server(check_alive=False)

    def restart_head(self) -> None:
        """Start the head's server again."""
        self.cluster.head_node.start_gcs_server()

    def wait_for_nodes(self) -> None:
        """Wait until the head knows all nodes."""
        self.cluster.wait_for_nodes(timeout=30)


def environment(spool: Path, health: Mapping[str, int] = HEALTH) -> dict[str, str]:
    """The variables of all of Ray's processes. spool: where nodes keep what luzia has there. health: see HEALTH."""
    storage = spool.parent / "tables"
    storage.mkdir()
    checks = {f"RAY_health_check_{name}": str(value) for name, value in health.items()}
    kept = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(storage)}
    return checks | kept | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "LUZIA_SPOOL": str(spool)}


@contextmanager
def ray_cluster(spool: Path, health: Mapping[str, int] = HEALTH) -> Iterator[RayCluster]:
    """A cluster with a head only, for a `with` block. health: see HEALTH."""
    os.environ |= environment(spool, health)
    from ray.cluster_utils import Cluster

    head = {
        "num_cpus": 0,
        "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
    }
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield RayCluster(cluster, spool)
    finally:
        cluster.shutdown()


@contextmanager
def luzia_on(
    cluster: Addressed, more: str = "", executor: str = "", lease_s: float = LEASE_S
) -> Iterator[PrivateLuzia]:
    """A luzia whose project, a repository with one commit, runs its jobs on the cluster.

    more, executor: more lines for the configuration of the project, and of the executor. lease_s: of the executor.
    """
    with private_luzia() as luzia:
        name = re.sub(r"[^A-Za-z0-9]", "", os.path.basename(luzia.root))
        Path(luzia.env["LUZIA_CONFIG"]).write_text(
            f'[executors.c]\nkind = "ray"\naddress = "{cluster.address}"\nnamespace = "{name}"\nlease_s = {lease_s}\n'
            f'{executor}\n[projects.p]\npath = "{luzia.project}"\nexecutor = "c"\n'
            f'agent = "shell"\ngrace_s = 2\n{more}\n'
        )
        git(luzia, "init", "-q", "-b", "main")
        git(luzia, "config", "user.name", "Ada")
        git(luzia, "config", "user.email", "ada@example.invalid")
        Path(luzia.project, "README").write_text("first\n")
        git(luzia, "add", ".")
        git(luzia, "commit", "-q", "-m", "first")
        yield luzia


def dispatch_if_possible(luzia: PrivateLuzia, command: str, **options: object) -> list[str]:
    """Dispatch a shell command; returns the job's id, or nothing while no node has what it needs."""
    try:
        return [luzia.client().dispatch("p", command, **options).job]  # type: ignore[arg-type]
    except Refused as exc:
        if "no node has more than" not in exc.message:
            raise
        return []


def git(luzia: PrivateLuzia, *words: str) -> str:
    """What git says in the project."""
    done = subprocess.run(["git", *words], cwd=luzia.project, env=luzia.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def processes(words: str) -> list[int]:
    """The processes whose command contains these words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = entry.joinpath("cmdline").read_bytes()
            except OSError:
                continue
            if words.encode() in command.replace(b"\0", b" "):
                found.append(int(entry.name))
    return found
