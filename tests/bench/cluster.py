"""Measures what a job on a cluster costs its parts: run it alone, by `make bench-ray`. docs/scale.md has the figures.

Prints the memory of the bridge and of a job on its node, the time from dispatch to start, how many jobs that do
nothing pass through one bridge, the records and bytes that a job leaves in the store, and the cost of a connection;
then when a job is lost whose node ends or says nothing any more, and when its attempts end and start. It fails when a
loss takes longer than 3 s, or an attempt longer after it than the lease and 2 s. With `losses` it prints only these.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from luzia_protocol.jobs import JobState, Outcome  # noqa: E402

from private_luzia import PrivateLuzia  # noqa: E402
from ray_cluster import LEASE_S, RayCluster, dispatch_if_possible, lack, luzia_on, processes, ray_cluster  # noqa: E402
from support import eventually  # noqa: E402

ROUNDS = 9
SLEEPERS = 4  # the slots of a luziad on two cores
SHORT = 24
CONNECTIONS = 200
LOSSES = 3
HEALTH = {"period_ms": 300, "timeout_ms": 500, "failure_threshold": 3, "initial_delay_ms": 500}
"""What docs/ray.md recommends; the last, because by default new nodes are not checked for 5 s."""
LOSS_S = 3.0
FENCED_S = LEASE_S + 2.0


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


def lose(luzia: PrivateLuzia, cluster: RayCluster, trace: Path, *, is_silent: bool) -> tuple[float, float, float]:
    """Lose the node of an attempt: killed, or silent, so that only the head counts it as dead.

    Returns after how many seconds the attempt was lost, had its last sign of life, and the next one its first.
    """
    client, before = luzia.client(), set(processes("raylet/raylet"))
    node = cluster.add_node(cpus=1, weak=1)
    cluster.wait_for_nodes()
    (raylet,) = set(processes("raylet/raylet")) - before
    command = f"n=0; while [ $LUZIA_ATTEMPT = 1 ] || [ $n -lt 20 ]; do echo $LUZIA_ATTEMPT $(date +%s.%N) >> {trace};"
    command += " n=$((n+1)); sleep 0.05; done"
    (job,) = eventually(lambda: dispatch_if_possible(luzia, command, needs={"weak": 1}, retries=1), "the new node")
    eventually(trace.exists)
    other = cluster.add_node(cpus=1, weak=1)
    cluster.wait_for_nodes()
    at = time.time()
    os.kill(raylet, signal.SIGSTOP if is_silent else signal.SIGKILL)
    eventually(lambda: client.get_job(job).attempts[0].outcome is Outcome.LOST, "the loss")
    lost = client.get_job(job).attempts[0].ended_at
    assert lost is not None
    client.wait([job], timeout_s=60)
    assert client.get_job(job).state is JobState.COMPLETED
    if is_silent:
        os.kill(raylet, signal.SIGCONT)
    for each in (node, other):
        cluster.kill_node(each)
    signs: dict[str, list[float]] = {"1": [], "2": []}
    for attempt, when in map(str.split, trace.read_text().splitlines()):
        signs[attempt].append(float(when) - at)
    return lost.timestamp() - at, max(signs["1"]), min(signs["2"])


def measure_losses(luzia: PrivateLuzia, cluster: RayCluster, directory: Path) -> bool:
    """Print when attempts are lost, end and start; False if one takes longer than is promised."""
    kept = True
    for is_silent in (False, True):
        found = [
            lose(luzia, cluster, directory / f"trace{is_silent}{number}", is_silent=is_silent)
            for number in range(LOSSES)
        ]
        lost, ended, started = (
            max(each) if index < 2 else min(each) for index, each in enumerate(zip(*found, strict=True))
        )
        print(f"node {'silent' if is_silent else 'killed'}, worst of {LOSSES}: lost after {lost:.2f} s,", end=" ")
        print(f"ended after {max(0.0, ended):.2f} s, next attempt from {started:.2f} s on")
        apart = all(last < first for _, last, first in found)
        kept = kept and apart and lost <= LOSS_S and all(last <= loss + FENCED_S for loss, last, _ in found)
    return kept


def main() -> int:
    """Measure on a cluster with one node."""
    if (reason := lack()) is not None:
        print(reason, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory, ray_cluster(Path(directory, "spool"), HEALTH) as cluster:
        cluster.add_node(cpus=4)
        cluster.wait_for_nodes()
        with luzia_on(cluster) as luzia:
            if sys.argv[1:] != ["losses"]:
                measure(luzia)
            return 0 if measure_losses(luzia, cluster, Path(directory)) else 1


if __name__ == "__main__":
    sys.exit(main())
