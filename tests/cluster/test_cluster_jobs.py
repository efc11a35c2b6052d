"""Jobs on a cluster are dispatched, followed, answered, cancelled and merged as those on this machine are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from interactive_agent import InteractiveAgent
from private_luzia import PrivateLuzia
from ray_cluster import RayCluster, git, luzia_on, processes
from support import eventually


@pytest.fixture(scope="module")
def luzia(cluster: RayCluster) -> Iterator[PrivateLuzia]:
    """One for all tests here, in place of one for each: a connection to the cluster takes seconds."""
    with luzia_on(cluster) as found:
        yield found


def dispatch(luzia: PrivateLuzia, command: str, **options: object) -> str:
    """Dispatch a shell command on the cluster; returns the job's id."""
    return luzia.client().dispatch("p", command, **options).job  # type: ignore[arg-type]


def output(luzia: PrivateLuzia, job: str) -> bytes:
    """What there is of the job's stdout."""
    return luzia.run("logs", job).stdout


def await_output(luzia: PrivateLuzia, job: str, text: bytes) -> None:
    """Wait until the job has printed this."""
    file = Path(luzia.client().get_job(job).directory or "", "1", "stdout")
    eventually(lambda: file.exists() and text in file.read_bytes(), f"{text!r} in the output")


def test_a_job_runs_there_and_its_output_work_and_exit_code_come_back(luzia: PrivateLuzia, cluster: RayCluster) -> None:
    job = dispatch(luzia, "echo hello; cat README; pwd; echo new > added; echo second > README; exit 7")
    luzia.client().wait([job], timeout_s=60)
    ended = luzia.client().get_job(job)
    assert (ended.state, ended.exit_code, ended.executor) == (JobState.FAILED, 7, "c")
    printed = output(luzia, job).decode().splitlines()
    assert printed[:2] == ["hello", "first"]
    assert printed[2].startswith(str(cluster.spool))
    shown = luzia.run("diff", job).stdout.decode()
    assert "+second" in shown
    assert "+new" in shown
    assert not Path(luzia.project, "added").exists()
    assert git(luzia, "status", "--porcelain") == ""
    assert not [*cluster.spool.glob(f"*/jobs/{job}")], "the node keeps nothing"


def test_commits_of_a_job_come_back_as_its_branch_and_are_merged(luzia: PrivateLuzia) -> None:
    job = dispatch(luzia, "echo made > made; git add made; git commit -q -m 'Make it'; echo more > more")
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).state is JobState.COMPLETED, output(luzia, job)
    assert git(luzia, "log", "-1", "--format=%s, %an", f"luzia/{job}") == "Make it, Ada"
    merged = luzia.run("merge", "--commit", job)
    assert merged.returncode == 0, merged.stderr
    assert Path(luzia.project, "made").read_text() == "made\n"
    assert Path(luzia.project, "more").read_text() == "more\n"


def test_output_is_followed_while_the_job_runs_and_stdin_pause_and_resume_reach_it(luzia: PrivateLuzia) -> None:
    job = dispatch(luzia, "echo begun; while [ ! -e go ]; do sleep 0.1; done; echo over")
    await_output(luzia, job, b"begun\n")
    client = luzia.client()
    assert client.get_job(job).state is JobState.RUNNING
    client.pause(job)
    (agent,) = processes("while [ ! -e go ]; do sleep 0.1; done; echo over")[:1]
    eventually(lambda: "T" in Path(f"/proc/{agent}/stat").read_text().rpartition(")")[2].split()[0], "the stop")
    tree = Path(os.readlink(f"/proc/{agent}/cwd"))
    client.resume(job)
    (tree / "go").write_text("")
    client.wait([job], timeout_s=60)
    assert output(luzia, job) == b"begun\nover\n"


def test_a_stubborn_tree_is_gone_after_a_cancellation(luzia: PrivateLuzia) -> None:
    job = dispatch(
        luzia, "trap '' TERM; (trap '' TERM; setsid sleep 87654 & wait) & echo up; while :; do sleep 0.2; done"
    )
    await_output(luzia, job, b"up\n")
    eventually(lambda: processes("sleep 87654"))
    luzia.client().cancel(job)
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).state is JobState.CANCELLED
    assert processes("sleep 87654") == []


def test_what_can_never_be_placed_is_refused_with_what_is_missing(luzia: PrivateLuzia) -> None:
    luzia.client().wait([dispatch(luzia, "true")], timeout_s=60)  # the nodes are known then
    for options, words in (
        ({"cpus": 64.0}, "the job needs 64 CPUs, and no node has more than 4 CPUs"),
        ({"gpus": 1.0}, "the job needs 1 GPU, and no node has more than 0 GPUs"),
        ({"needs": {"tape": 1}}, "the job needs tape=1, and no node has more than tape=0"),
        ({"memory_bytes": 2**50}, "GiB of memory"),
    ):
        with pytest.raises(Refused) as refused:
            dispatch(luzia, "true", **options)
        assert refused.value.code is ErrorCode.NEEDS_TOO_MUCH
        assert words in refused.value.message


def test_a_job_waits_for_capacity_and_can_be_cancelled_meanwhile(luzia: PrivateLuzia) -> None:
    first = dispatch(luzia, "echo up; while [ ! -e go ]; do sleep 0.1; done", cpus=4.0)
    await_output(luzia, first, b"up\n")
    second, third = dispatch(luzia, "echo second", cpus=4.0), dispatch(luzia, "echo third", cpus=4.0)
    client = luzia.client()
    eventually(lambda: client.get_job(third).state is JobState.STARTING)
    client.cancel(third)
    client.wait([third], timeout_s=60)
    assert client.get_job(third).state is JobState.CANCELLED
    assert client.get_job(second).state is JobState.STARTING
    client.cancel(first)
    client.wait([first, second], timeout_s=60)
    assert client.get_job(second).state is JobState.COMPLETED
    assert output(luzia, second) == b"second\n"


def test_a_project_of_the_cluster_runs_a_job_on_this_machine_with_on_local(luzia: PrivateLuzia) -> None:
    started = luzia.run("--on", "local", "p", "pwd")
    assert started.returncode == 0, started.stderr
    luzia.run("wait", "@last")
    assert output(luzia, "@last").decode().strip() == os.path.realpath(luzia.project)
    assert b"executor 'nowhere' not found" in luzia.run("--on", "nowhere", "p", "pwd").stderr


def test_with_a_shared_file_system_a_job_runs_in_the_directory_itself(cluster: RayCluster) -> None:
    with luzia_on(cluster, executor="shared_filesystem = true") as luzia:
        job = dispatch(luzia, "pwd; echo here > here")
        luzia.client().wait([job], timeout_s=60)
        assert output(luzia, job).decode().strip() == os.path.realpath(luzia.project)
        assert Path(luzia.project, "here").read_text() == "here\n"


def test_a_question_is_answered_on_the_node(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with luzia_on(cluster, executor="shared_filesystem = true") as luzia:  # its nodes find the agent where it is here
        agent = InteractiveAgent(luzia)
        monkeypatch.setenv("PATH", luzia.env["PATH"])
        job = dispatch(luzia, "ask me", agent="claude", ask=True)
        eventually(lambda: luzia.client().get_job(job).state is JobState.WAITING, "the question")
        answered = luzia.run("answer", job, "allow")
        assert answered.returncode == 0, answered.stderr
        luzia.client().wait([job], timeout_s=60)
        assert luzia.client().get_job(job).state is JobState.COMPLETED
        assert [call["prompt"] for call in agent.calls()] == ["ask me"]


def test_files_that_git_does_not_have_are_copied_to_the_node_and_not_committed(cluster: RayCluster) -> None:
    with luzia_on(cluster, more='[projects.p.worktree]\ncopy = [".env", "data", "absent"]\n') as luzia:
        Path(luzia.project, ".env").write_text("KEY=1\n")
        Path(luzia.project, "data").mkdir()
        Path(luzia.project, "data", "one").write_text("1\n")
        Path(luzia.project, "data", "link").symlink_to("/etc/hostname")
        job = dispatch(luzia, "cat .env data/one; readlink data/link; echo KEY=2 > .env; echo new > new; git add -A")
        luzia.client().wait([job], timeout_s=60)
        assert output(luzia, job) == b"KEY=1\n1\n/etc/hostname\n"
        merged = luzia.run("merge", "--commit", job)
        assert merged.returncode == 0, merged.stderr
        assert git(luzia, "ls-files").split() == ["README", "new"]
        assert Path(luzia.project, ".env").read_text() == "KEY=1\n"
        kept = [path.name for path in cluster.spool.rglob("*.tar")]
        assert kept == [], "the node keeps nothing"


def test_a_limit_on_memory_is_enforced_on_the_node(luzia: PrivateLuzia) -> None:
    code = "import sys; print('up', flush=True); bytearray(400_000_000); print('too much')"
    job = dispatch(luzia, f'{sys.executable} -c "{code}"', max_memory_bytes=200_000_000)
    luzia.client().wait([job], timeout_s=60)
    assert luzia.client().get_job(job).state is JobState.FAILED
    printed = output(luzia, job)
    assert b"MemoryError" in printed
    assert b"too much" not in printed


def test_the_setup_of_a_worktree_runs_on_the_node_and_its_failure_is_the_reason(cluster: RayCluster) -> None:
    setup = '[projects.p.worktree]\nsetup = "test -e ok && echo set > set"'
    with luzia_on(cluster, more=setup) as luzia:
        failed = dispatch(luzia, "cat set")
        luzia.client().wait([failed], timeout_s=60)
        assert "the setup of its worktree failed with exit status 1" in (luzia.client().get_job(failed).reason or "")
        Path(luzia.project, "ok").write_text("")
        git(luzia, "add", "ok")
        git(luzia, "commit", "-q", "-m", "ok")
        good = dispatch(luzia, "cat set")
        luzia.client().wait([good], timeout_s=60)
        assert output(luzia, good) == b"set\n"
