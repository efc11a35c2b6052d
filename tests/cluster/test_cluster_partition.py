"""A node whose network is cut: its attempt ends there before the next one starts elsewhere, and the cluster goes on.

The node is in a network namespace of its own, and the only way to it is taken down: nothing is answered or closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState, Outcome

from far_network import FarNetwork, missing
from ray_cluster import LEASE_S, STORE_BYTES, dispatch_if_possible, environment, lack, luzia_on
from support import DEADLINE_S, eventually

PORT = 6399
START = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--block"]


class SplitCluster:
    """A head on this side of the network. spool: where all nodes keep what luzia has there."""

    def __init__(self, network: FarNetwork, spool: Path) -> None:
        self.network = network
        self.address = f"{network.near}:{PORT}"
        self._env = os.environ | environment(spool)
        self._log = spool.parent / "log"
        self._started: list[subprocess.Popen[bytes]] = []
        head = ["--head", f"--port={PORT}", f"--node-ip-address={network.near}", "--include-dashboard=false"]
        self._start([*START, *head, "--num-cpus=0"])
        eventually(lambda: b"Ray runtime started" in self._log.read_bytes(), "the head")

    def add_here(self, **resources: float) -> subprocess.Popen[bytes]:
        """Start a node on this side."""
        return self._start(self._node(self.network.near, resources))

    def add_there(self, **resources: float) -> subprocess.Popen[bytes]:
        """Start a node on the other side."""
        return self._start(self.network.inside(self._node(self.network.address, resources)))

    def shut_down(self) -> None:
        """End all nodes and the head."""
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            try:
                process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _node(self, address: str, resources: dict[str, float]) -> list[str]:
        words = [f"--address={self.address}", f"--node-ip-address={address}", "--num-cpus=1"]
        return [*START, *words, f"--resources={json.dumps(resources)}"]

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        words = [*command, f"--object-store-memory={STORE_BYTES}", "--disable-usage-stats"]
        with self._log.open("ab") as log:
            process = subprocess.Popen(words, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._started.append(process)
        return process


@pytest.fixture
def split(tmp_path: Path) -> Iterator[SplitCluster]:
    """A cluster across two networks, with a head and no node."""
    if reason := lack() or missing():
        pytest.skip(reason)
    network = FarNetwork()
    try:
        network.create()
        cluster = SplitCluster(network, tmp_path / "spool")
        try:
            yield cluster
        finally:
            network.mend()
            cluster.shut_down()
    finally:
        network.remove()


def test_an_attempt_on_a_node_that_is_cut_off_ends_before_the_next_one_starts_elsewhere(
    split: SplitCluster, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    command = (
        f"n=0; while [ $n -lt 2000 ]; do echo $LUZIA_ATTEMPT $(date +%s.%N) >> {trace}; n=$((n+1)); sleep 0.05;"
        " [ $LUZIA_ATTEMPT = 1 ] || [ $n -lt 20 ] || exit 0; done"
    )
    far = split.add_there(cut=1)
    with luzia_on(split) as luzia:
        (job,) = eventually(lambda: dispatch_if_possible(luzia, command, needs={"cut": 1}, retries=1), "the new node")
        eventually(trace.exists, "the first attempt")
        split.add_here(cut=1)
        split.network.cut()
        cut_at = time.time()
        eventually(lambda: luzia.client().get_job(job).attempts[0].outcome is Outcome.LOST, "the loss")
        luzia.client().wait([job], timeout_s=90)
        ended = luzia.client().get_job(job)
        assert (ended.state, ended.attempt) == (JobState.COMPLETED, 2)
        times: dict[str, list[float]] = {"1": [], "2": []}
        for attempt, at in map(str.split, trace.read_text().splitlines()):
            times[attempt].append(float(at))
        lost_at = ended.attempts[0].ended_at.timestamp()  # type: ignore[union-attr]
        print(f"ended {max(times['1']) - cut_at:.2f} s, lost {lost_at - cut_at:.2f} s after the cut")
        assert cut_at < max(times["1"]), "what is cut off goes on for a while"
        assert max(times["1"]) < min(times["2"]), "attempts have run at the same time"
        assert min(times["2"]) - lost_at >= LEASE_S, "the lease of the first attempt had to end"
        split.network.mend()
        eventually(lambda: far.poll() is not None, "the end of the node that the head has given up")
        split.add_there(healed=1)
        (later,) = eventually(lambda: dispatch_if_possible(luzia, "echo later", needs={"healed": 1}), "the new node")
        luzia.client().wait([later], timeout_s=60)
        assert luzia.client().get_job(later).state is JobState.COMPLETED
