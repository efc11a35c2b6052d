"""What ends around a job of a cluster at any time: its daemon, its bridge, its actor. Nothing of it is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from luzia_protocol.jobs import JobState

from private_luzia import PrivateLuzia
from ray_cluster import RayCluster, processes
from support import eventually

from .test_cluster_jobs import await_output, dispatch, output

COUNT = "for i in $(seq 1 30); do echo $i; sleep 0.1; done; echo work > work"


def counted() -> bytes:
    """What COUNT prints."""
    return b"".join(b"%d\n" % number for number in range(1, 31))


def bridges(luzia: PrivateLuzia) -> list[int]:
    """The bridges of this luzia."""
    return processes(f"{luzia.root}/state/executor-c.lock")


def kill_and_await(pid: int) -> None:
    """Kill a process, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: _has_ended(pid))


def _has_ended(pid: int) -> bool:
    """Whether the process is gone, or only its parent has to notice; it may go while this is read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_job_continues_when_luziad_is_killed_and_no_byte_is_lost(luzia: PrivateLuzia) -> None:
    job = dispatch(luzia, COUNT)
    await_output(luzia, job, b"5\n")
    luzia.kill_daemon()
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).attempt == 1
    assert output(luzia, job) == counted()
    assert "+work" in luzia.run("diff", job).stdout.decode()


def test_a_job_that_ends_without_luziad_is_complete_afterwards(luzia: PrivateLuzia, cluster: RayCluster) -> None:
    job = dispatch(luzia, COUNT)
    await_output(luzia, job, b"5\n")
    luzia.kill_daemon()
    eventually(lambda: [*cluster.spool.glob(f"*/jobs/{job}/1/exit.json")], "the end on the node")
    luzia.client().wait([job], timeout_s=60)
    ended = luzia.client().get_job(job)
    assert (ended.state, ended.attempt) == (JobState.COMPLETED, 1)
    assert output(luzia, job) == counted()


def test_another_bridge_follows_the_jobs_of_one_that_was_killed(luzia: PrivateLuzia) -> None:
    job = dispatch(luzia, COUNT)
    await_output(luzia, job, b"5\n")
    (bridge,) = bridges(luzia)
    kill_and_await(bridge)
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).attempt == 1
    assert output(luzia, job) == counted()


def test_work_that_its_node_cannot_pack_is_told_and_disturbs_no_other_job(
    luzia: PrivateLuzia, cluster: RayCluster
) -> None:
    other = dispatch(luzia, COUNT)
    await_output(luzia, other, b"1\n")
    (bridge,) = bridges(luzia)
    job = dispatch(luzia, "echo work > work; rm -r .git")
    luzia.client().wait([job, other], timeout_s=60)
    ended = luzia.client().get_job(job)
    assert ended.state is JobState.LOST
    assert "could not be packed on its node, which keeps its files" in (ended.reason or "")
    assert "not a git repository" in (ended.reason or "")
    assert [path.read_text() for path in cluster.spool.glob(f"*/trees/{job}-1/work")] == ["work\n"]
    assert bridges(luzia) == [bridge]
    assert output(luzia, other) == counted()


def test_the_tree_is_gone_when_the_worker_of_its_actor_is_killed(luzia: PrivateLuzia) -> None:
    job = dispatch(luzia, "setsid sleep 76543 & echo up; sleep 76543")
    await_output(luzia, job, b"up\n")
    (guard, *_) = processes("luziad.executor.ray.guard")
    (worker,) = processes("ray::AttemptActor")
    assert guard
    os.kill(worker, signal.SIGKILL)
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).state is JobState.LOST
    eventually(lambda: processes("sleep 76543") == [], "the end of the tree")


def test_a_job_is_found_again_when_its_executor_is_back_in_the_configuration(
    luzia: PrivateLuzia, cluster: RayCluster
) -> None:
    job = dispatch(luzia, COUNT)
    await_output(luzia, job, b"5\n")
    luzia.stop_daemon()
    config = Path(luzia.env["LUZIA_CONFIG"])
    before = config.read_text()
    config.write_text(f'[projects.p]\npath = "{luzia.project}"\nagent = "shell"\n')
    shown = luzia.client().get_job(job)
    assert shown.state is JobState.RUNNING
    assert "its executor c is no longer configured" in (shown.reason or "")
    here = dispatch(luzia, "echo here")
    luzia.client().wait([here], timeout_s=60)
    assert output(luzia, here) == b"here\n"
    eventually(lambda: [*cluster.spool.glob(f"*/jobs/{job}/1/exit.json")], "the end on the node")
    luzia.stop_daemon()
    config.write_text(before)
    luzia.client().wait([job], timeout_s=60)
    ended = luzia.client().get_job(job)
    assert (ended.state, ended.attempt) == (JobState.COMPLETED, 1)
    assert output(luzia, job) == counted()
    assert "+work" in luzia.run("diff", job).stdout.decode()


def test_another_version_of_ray_is_refused_with_both_versions(cluster: RayCluster, tmp_path: Path) -> None:
    program = "import ray; ray.__version__ = '2.1.0'; from luziad.executor.ray.bridge import main; main()"
    words = [f"--address={cluster.address}", "--namespace=other", f"--lock={tmp_path}/lock", "--lease=3"]
    bridge = subprocess.Popen([sys.executable, "-c", program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert bridge.stdout is not None
        said = json.loads(bridge.stdout.readline())
        assert said["is_refused"]
        assert "Ray: 2.1.0" in said["problem"]
        assert "Version mismatch" in said["problem"]
    finally:
        bridge.communicate(timeout=60)
