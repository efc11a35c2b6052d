"""What becomes of attempts when a node or the head ends or is cut off: none runs twice at the same time."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from luzia_protocol.jobs import JobState, Outcome

from private_luzia import PrivateLuzia
from ray_cluster import LEASE_S, RayCluster, dispatch_if_possible, luzia_on, processes
from support import eventually

from .test_cluster_faults import COUNT, counted
from .test_cluster_jobs import await_output, dispatch, output


def test_a_job_of_a_killed_node_is_lost_soon_and_its_retry_waits_for_the_lease(
    luzia: PrivateLuzia, cluster: RayCluster
) -> None:
    node = cluster.add_node(cpus=1, weak=1)
    other = None
    cluster.wait_for_nodes()
    try:
        luzia.client()
        eventually(lambda: luzia.client().get_info())
        command = "date +%s.%N; echo up; [ $LUZIA_ATTEMPT = 2 ] || sleep 65432"
        (job,) = eventually(lambda: dispatch_if_possible(luzia, command, needs={"weak": 1}, retries=1), "the new node")
        await_output(luzia, job, b"up\n")
        cluster.kill_node(node)
        killed_at = time.time()
        eventually(lambda: luzia.client().get_job(job).attempts[0].outcome is Outcome.LOST, "the loss")
        lost_s = luzia.client().get_job(job).attempts[0].ended_at.timestamp() - killed_at  # type: ignore[union-attr]
        other = cluster.add_node(cpus=1, weak=1)
        eventually(lambda: processes("sleep 65432") == [], "the end of the tree")
        luzia.client().wait([job], timeout_s=90)
        ended = luzia.client().get_job(job)
        assert (ended.state, ended.attempt) == (JobState.COMPLETED, 2)
        second = float(output(luzia, job).split()[0])
        assert second - (killed_at + lost_s) >= LEASE_S, "the lease of the first attempt had to end"
        print(f"lost after {lost_s:.2f} s")
    finally:
        if other is not None:
            cluster.kill_node(other)


def test_a_node_that_is_killed_while_its_work_comes_back_changes_nothing_here(
    luzia: PrivateLuzia, cluster: RayCluster
) -> None:
    client, node = luzia.client(), cluster.add_node(cpus=1, weak=1)
    cluster.wait_for_nodes()
    command = "head -c 60000000 /dev/urandom > big; echo also > small"
    (job,) = eventually(lambda: dispatch_if_possible(luzia, command, needs={"weak": 1}), "the new node")
    directory = Path(client.get_job(job).directory or "", "1")
    eventually((directory / "work.bundle").exists, "the first of the work")
    for worker in processes("ray::AttemptActor"):
        os.kill(worker, signal.SIGSTOP)  # so that it sends no more until the node is gone
    cluster.kill_node(node)
    client.wait([job], timeout_s=60)
    ended = client.get_job(job)
    assert ended.state is JobState.LOST
    assert (directory / "work.bundle").stat().st_size < 60_000_000, "the node was killed too late"
    assert ended.worktree is not None
    assert sorted(path.name for path in Path(ended.worktree.path).iterdir()) == [".git", "README"]
    client.wait([dispatch(luzia, "true")], timeout_s=60)


def test_an_attempt_ends_itself_when_its_node_has_no_connection_to_the_head(
    luzia: PrivateLuzia, cluster: RayCluster
) -> None:
    job = dispatch(luzia, "echo up; sleep 54321")
    await_output(luzia, job, b"up\n")
    head = processes("gcs_server")
    for pid in head:
        os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: processes("sleep 54321") == [], "the end of the tree")
    finally:
        for pid in head:
            os.kill(pid, signal.SIGCONT)
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).state in (JobState.LOST, JobState.FAILED, JobState.CANCELLED)


def test_a_node_that_the_head_counts_as_dead_ends_its_attempt_before_the_next_one_starts(
    luzia: PrivateLuzia, cluster: RayCluster, tmp_path: Path
) -> None:
    """The worker and the agent run on, only the raylet is silent: as on a node that is cut off."""
    trace = tmp_path / "trace"
    before = set(processes("raylet/raylet"))
    node, other = cluster.add_node(cpus=1, cut=1), None
    cluster.wait_for_nodes()
    (raylet,) = set(processes("raylet/raylet")) - before
    command = (
        f"n=0; while [ $n -lt 1000 ]; do echo $LUZIA_ATTEMPT >> {trace}; n=$((n+1)); sleep 0.05;"
        " [ $LUZIA_ATTEMPT = 1 ] || [ $n -lt 20 ] || exit 0; done"
    )
    (job,) = eventually(lambda: dispatch_if_possible(luzia, command, needs={"cut": 1}, retries=1), "the new node")
    eventually(trace.exists)
    os.kill(raylet, signal.SIGSTOP)
    try:
        eventually(lambda: luzia.client().get_job(job).attempts[0].outcome is Outcome.LOST, "the loss")
        other = cluster.add_node(cpus=1, cut=1)
        luzia.client().wait([job], timeout_s=90)
        assert luzia.client().get_job(job).state is JobState.COMPLETED
        lines = trace.read_text().split()
        assert lines == sorted(lines), "attempts have run at the same time"
        assert set(lines) == {"1", "2"}
    finally:
        os.kill(raylet, signal.SIGCONT)
        for each in filter(None, (node, other)):
            cluster.kill_node(each)


def test_a_job_continues_while_a_head_with_persistent_storage_is_restarted(cluster: RayCluster) -> None:
    with luzia_on(cluster, lease_s=60.0) as luzia:
        job = dispatch(luzia, COUNT)
        await_output(luzia, job, b"5\n")
        cluster.kill_head()
        cluster.restart_head()
        later = dispatch(luzia, "echo later")
        luzia.client().wait([job, later], timeout_s=90)
        assert luzia.client().get_job(job).attempt == 1
        assert output(luzia, job) == counted()
        assert output(luzia, later) == b"later\n"
