"""A cluster that cannot be used: luziad, `luzia doctor` and its jobs say what it lacks, and all else works."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from private_luzia import PrivateLuzia, private_luzia
from support import eventually

ADDRESS = "127.0.0.1:1"
WORDS = f"no cluster at {ADDRESS}"
HAS_RAY = importlib.util.find_spec("ray") is not None


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as found:
        subprocess.run(["git", "init", "-q", found.project], check=True)
        Path(found.env["LUZIA_CONFIG"]).write_text(
            f'[executors.farm]\nkind = "ray"\naddress = "{ADDRESS}"\n'
            f'[projects.p]\npath = "{found.project}"\nexecutor = "farm"\nagent = "shell"\n'
        )
        yield found


@pytest.mark.skipif(HAS_RAY, reason="luzia[ray] is installed")
def test_without_the_extra_a_dispatch_is_refused_with_what_is_missing(luzia: PrivateLuzia) -> None:
    with pytest.raises(Refused) as refused:
        luzia.client().dispatch("p", "true")
    assert refused.value.code is ErrorCode.EXECUTOR_UNAVAILABLE
    assert "luzia[ray] is not installed" in refused.value.message
    assert "executor farm: luzia[ray] is not installed" in luzia.run("doctor").stdout.decode()


@pytest.mark.skipif(not HAS_RAY, reason="luzia[ray] is not installed")
def test_a_job_waits_for_a_cluster_that_does_not_answer(luzia: PrivateLuzia) -> None:
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.invalid", "commit", "-q", "--allow-empty", "-m", "first"],
        cwd=luzia.project,
        check=True,
    )
    client = luzia.client()
    job = client.dispatch("p", "true").job
    eventually(lambda: WORDS in (client.get_job(job).reason or ""), "the reason")
    assert client.get_job(job).state is JobState.STARTING
    assert f"executor farm: {WORDS}" in luzia.run("doctor").stdout.decode()
    client.cancel(job)
    client.wait([job], timeout_s=60)
    assert client.get_job(job).state is JobState.CANCELLED
    assert not [name for name in names_below(client.get_info().pid) if name in ("gcs_server", "raylet")]


def names_below(pid: int) -> list[str]:
    """The names of all processes that a process has started, and of those that these have started."""
    names = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                names += [Path(f"/proc/{child}/comm").read_text().strip(), *names_below(child)]
    return names


def test_a_job_on_this_machine_needs_no_cluster(luzia: PrivateLuzia) -> None:
    client = luzia.client()
    job = client.dispatch("p", "true", executor="local").job
    client.wait([job], timeout_s=60)
    assert client.get_job(job).state is JobState.COMPLETED


@pytest.mark.skipif(not HAS_RAY, reason="luzia[ray] is not installed")
@pytest.mark.parametrize("limit", [{"max_processes": 5}, {"max_cpus": 1.0}])
def test_limits_that_nodes_do_not_enforce_are_refused(luzia: PrivateLuzia, limit: dict[str, float]) -> None:
    with pytest.raises(Refused) as refused:
        luzia.client().dispatch("p", "true", **limit)  # type: ignore[arg-type]
    assert refused.value.code is ErrorCode.LIMIT_UNAVAILABLE
    assert "not enforced on the nodes of executor farm" in refused.value.message


@pytest.mark.skipif(not HAS_RAY, reason="luzia[ray] is not installed")
def test_links_to_files_that_nodes_do_not_have_are_refused(luzia: PrivateLuzia) -> None:
    with Path(luzia.env["LUZIA_CONFIG"]).open("a") as config:
        config.write('[projects.p.worktree]\nlink = ["cache"]\n')
    with pytest.raises(Refused) as refused:
        luzia.client().dispatch("p", "true")
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert "links to files of the project" in refused.value.message


@pytest.mark.skipif(not HAS_RAY, reason="luzia[ray] is not installed")
def test_a_job_for_nodes_without_the_projects_files_must_have_a_worktree(luzia: PrivateLuzia) -> None:
    with pytest.raises(Refused) as refused:
        luzia.client().dispatch("p", "true", worktree=False)
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert "do not share the project's files" in refused.value.message
