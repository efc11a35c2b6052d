"""Measures what a job on a cluster costs its parts: run it alone, by `make bench-ray`. docs/scale.md has the figures.

Prints the memory of the bridge and of a job on its node, the time from dispatch to start, how many jobs that do
nothing pass through one bridge, the records and bytes that a job leaves in the store, and the cost of a connection.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from private_luzia import PrivateLuzia  # noqa: E402
from ray_cluster import lack, luzia_on, processes, ray_cluster  # noqa: E402
from support import eventually  # noqa: E402

ROUNDS = 9
SLEEPERS = 4  # the slots of a luziad on two cores
SHORT = 24
CONNECTIONS = 200


def pss_mb(*pids: int) -> float:
    """The memory of processes, with their share of what they have in common, in 10^6 bytes."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6


def cpu_s(*pids: int) -> float:
    """The CPU time of processes in seconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def start_times(luzia: PrivateLuzia) -> list[float]:
    """Seconds from dispatch to start, of jobs one after the other."""
    client, found = luzia.client(), []
    for _ in range(ROUNDS):
        job = client.dispatch("p", "true", cpus=0.1).job
        client.wait([job], timeout_s=60)
        shown = client.get_job(job)
        assert shown.started_at is not None
        found.append((shown.started_at - shown.created_at).total_seconds())
    return found


def measure(luzia: PrivateLuzia) -> None:
    """Print the figures of one luzia."""
    client = luzia.client()
    daemon = client.get_info().pid
    times = start_times(luzia)
    print(f"dispatch to start of the agent: median {statistics.median(times):.2f} s of {ROUNDS}")
    (bridge,) = processes(f"{luzia.root}/state/executor-c.lock")
    idle = pss_mb(bridge)
    print(f"bridge, idle: {idle:.0f} MB; luziad: {pss_mb(daemon):.0f} MB")
    jobs = [client.dispatch("p", "echo up; sleep 1000", cpus=0.1).job for _ in range(SLEEPERS)]
    eventually(lambda: all(client.get_job(job).started_at is not None for job in jobs))
    before, began = cpu_s(bridge), time.monotonic()
    workers, guards = processes("ray::AttemptActor"), processes("luziad.executor.ray.guard")
    print(f"a running job on its node: actor {pss_mb(*workers) / SLEEPERS:.0f} MB, guard and shim", end=" ")
    print(f"{pss_mb(*guards) / SLEEPERS:.0f} MB; in the bridge {(pss_mb(bridge) - idle) / SLEEPERS:.2f} MB")
    time.sleep(5)
    busy = (cpu_s(bridge) - before) / (time.monotonic() - began)
    print(f"bridge with {SLEEPERS} silent jobs: {busy * 100:.1f} % of a CPU")
    for job in jobs:
        client.cancel(job)
    client.wait(jobs, timeout_s=60)
    events = client.get_info().seq
    before, began = cpu_s(bridge, daemon), time.monotonic()
    short = [client.dispatch("p", "true", cpus=0.1).job for _ in range(SHORT)]
    client.wait(short, timeout_s=200)
    took = time.monotonic() - began
    events = client.get_info().seq - events
    print(f"jobs that do nothing: {SHORT / took:.1f} a second; bridge and luziad", end=" ")
    print(f"{(cpu_s(bridge, daemon) - before) / SHORT * 1000:.0f} ms of CPU each; {events / SHORT:.1f} events each")
    resident = pss_mb(daemon)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(CONNECTIONS)]
    for each in clients:
        each.connect(luzia.socket)
    eventually(lambda: client.get_info().connections > CONNECTIONS)
    print(f"a connection: {(pss_mb(daemon) - resident) / CONNECTIONS * 1000:.1f} kB in luziad")
    for each in clients:
        each.close()


def main() -> int:
    """Measure on a cluster with one node."""
    if (reason := lack()) is not None:
        print(reason, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory, ray_cluster(Path(directory, "spool")) as cluster:
        cluster.add_node(cpus=4)
        cluster.wait_for_nodes()
        with luzia_on(cluster) as luzia:
            measure(luzia)
    return 0


if __name__ == "__main__":
    sys.exit(main())
