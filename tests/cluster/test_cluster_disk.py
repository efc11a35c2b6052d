"""Full disks: of luziad's machine, for which output and work wait on the node; of a node, which says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState

from private_luzia import PrivateLuzia
from ray_cluster import RayCluster, dispatch_if_possible, git, luzia_on
from support import eventually

from .test_cluster_jobs import await_output, dispatch, output

NUMBERS = "".join(f"{number}\n" for number in range(1, 200001))
"""What `seq 200000` prints: 1.3 MB."""
PLENTY = 100_000


@pytest.fixture
def small(cluster: RayCluster, tmp_path: Path) -> Iterator[PrivateLuzia]:
    """A luzia whose state is on a small file system, in the namespace of the tests."""
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "luzia", str(state)], check=True)
    try:
        with luzia_on(cluster) as luzia:
            luzia.env["LUZIA_STATE_DIR"] = str(state)
            yield luzia
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def fill(luzia: PrivateLuzia, leave_bytes: int) -> Path:
    """Leave so much room on the disk of its state; returns the file to delete."""
    filler = Path(luzia.env["LUZIA_STATE_DIR"], "filler")
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - leave_bytes)
    return filler


def reason(luzia: PrivateLuzia, job: str) -> str:
    """What the job is said to wait for, or why it has ended."""
    return luzia.client().get_job(job).reason or ""


def test_output_waits_on_the_node_while_the_disk_is_full(small: PrivateLuzia, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = dispatch(small, f"echo up; until [ -e {gate} ]; do sleep 0.1; done; seq 200000; echo work > work")
    await_output(small, job, b"up\n")
    filler = fill(small, PLENTY)
    gate.touch()
    eventually(lambda: "No space left on device" in reason(small, job), "the reason")
    assert small.client().get_job(job).state is JobState.RUNNING
    filler.unlink()
    small.client().wait([job], timeout_s=60)
    ended = small.client().get_job(job)
    assert (ended.state, ended.attempt) == (JobState.COMPLETED, 1)
    assert output(small, job).decode() == f"up\n{NUMBERS}"
    assert "+work" in small.run("diff", job).stdout.decode()


def test_work_waits_on_the_node_while_the_disk_is_full(small: PrivateLuzia, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = dispatch(small, f"echo up; until [ -e {gate} ]; do sleep 0.1; done; for i in 1 2 3; do seq 200000 > $i; done")
    await_output(small, job, b"up\n")
    filler = fill(small, 2_500_000)  # its bundle fits, its files do not
    gate.touch()
    eventually(lambda: "its work cannot be brought" in reason(small, job), "the reason")
    assert small.client().get_job(job).state is JobState.RUNNING
    filler.unlink()
    small.client().wait([job], timeout_s=60)
    ended = small.client().get_job(job)
    assert (ended.state, ended.attempt) == (JobState.COMPLETED, 1), ended.reason
    merged = small.run("merge", "--commit", job)
    assert merged.returncode == 0, merged.stderr
    assert [Path(small.project, name).read_text() for name in "123"] == [NUMBERS] * 3


def test_a_full_disk_of_a_node_is_the_reason(cluster: RayCluster, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "luzia", str(spool)], check=True)
    node = cluster.add_node(cpus=1, spool=spool, tiny=1)
    cluster.wait_for_nodes()
    try:
        with luzia_on(cluster) as luzia:
            command = "head -c 2500000 /dev/urandom > big"
            (kept,) = eventually(lambda: dispatch_if_possible(luzia, command, needs={"tiny": 1}), "the new node")
            luzia.client().wait([kept], timeout_s=60)
            assert luzia.client().get_job(kept).state is JobState.LOST
            assert "which keeps its files" in reason(luzia, kept)
            Path(luzia.project, "large").write_bytes(os.urandom(6_000_000))
            git(luzia, "add", ".")
            git(luzia, "commit", "-q", "-m", "large")
            refused = dispatch(luzia, "true", needs={"tiny": 1})
            luzia.client().wait([refused], timeout_s=60)
            assert luzia.client().get_job(refused).state is JobState.FAILED
            assert reason(luzia, refused).startswith("its code cannot be sent: ")
            assert reason(luzia, refused).endswith("No space left on device")
    finally:
        cluster.kill_node(node)
        subprocess.run(["umount", "--lazy", str(spool)], check=True)
