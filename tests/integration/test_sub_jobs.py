"""Jobs that are dispatched from inside other jobs: who ends with whom, and how many there may be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration import fake_agent
from luzia_client.cli import exit_codes
from support import Connection, PrivateDaemon, end_states, eventually, install_luzia, private_daemon, status

CONFIG = "[daemon]\nmax_running = 8\nmax_sub_jobs = 6\nmax_sub_job_depth = 2\n"
GATE = "cat gate >/dev/null"


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG) as running:
        os.mkfifo(running.project / "gate")
        install_luzia(running.project)
        yield running


def dispatch(wire: Connection, task: str = GATE, **more: object) -> str:
    job: str = wire.ok(op="dispatch", **{"project": "overbits", "task": task, **more})["job"]
    return job


def running(wire: Connection, job: str) -> str:
    eventually(lambda: status(wire, job)["state"] == "running", f"{job} runs")
    return job


def children(wire: Connection, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.ok(op="list", parent=job)["jobs"]
    return found


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("./luzia overbits true", 1),
        ("./luzia run overbits -- true", 1),
        ('echo \'{"project": "overbits", "task": "true"}\' | ./luzia batch -', 1),
        ('echo \'{"project": "overbits", "task": "true"}\' | ./luzia batch --each -', 1),
        (
            'echo \'{"project": "overbits", "jobs": {"a": {"task": "true"}, "b": {"task": "true"}}}\''
            " | ./luzia graph run -",
            2,
        ),
        (
            f"{sys.executable} -c \"from luzia_client import Client; Client().dispatch('overbits', 'true')\"",
            1,
        ),
    ],
)
def test_what_a_job_dispatches_is_its_sub_job(wire: Connection, command: str, count: int) -> None:
    job = dispatch(wire, command)
    assert end_states(wire, job) == ["completed"]
    found = children(wire, job)
    assert [(each["parent"], each["ancestors"]) for each in found] == [(job, [job])] * count
    assert sum(status(wire, job)["children"].values()) == count


@pytest.mark.parametrize(
    "command",
    [
        "./luzia --detach overbits true",
        'echo \'{"project": "overbits", "task": "true"}\' | ./luzia batch --detach -',
        f"{sys.executable} -c \"from luzia_client import Client; Client().dispatch('overbits', 'true', parent='')\"",
        "env -u LUZIA_JOB_ID ./luzia overbits true",
        "LUZIA_JOB_ID=010203-abcd ./luzia overbits true",
    ],
)
def test_what_is_detached_or_comes_from_elsewhere_is_nobodys_sub_job(wire: Connection, command: str) -> None:
    job = dispatch(wire, command)
    assert end_states(wire, job) == ["completed"]
    newest, _ = wire.ok(op="list")["jobs"]
    assert (newest["parent"], newest["ancestors"]) == (None, [])
    assert status(wire, job)["children"] == {}


def test_cancelling_a_job_cancels_all_that_is_below_it(wire: Connection) -> None:
    top = running(wire, dispatch(wire))
    child = running(wire, dispatch(wire, parent=top))
    queued = dispatch(wire, parent=top, start_in_s=3600)
    grandchild = running(wire, dispatch(wire, parent=child))
    other = running(wire, dispatch(wire))
    wire.ok(op="cancel", job=top)
    assert end_states(wire, top, child, queued, grandchild) == ["cancelled"] * 4
    assert status(wire, child)["reason"] == f"cancelled with job {top}, which dispatched it"
    assert status(wire, grandchild)["reason"] == f"cancelled with job {child}, which dispatched it"
    assert status(wire, other)["state"] == "running"
    assert status(wire, top)["children"] == {"cancelled": 2}


def test_a_timeout_ends_the_sub_jobs_too(wire: Connection) -> None:
    top = running(wire, dispatch(wire, timeout_s=0.5))
    child = dispatch(wire, parent=top, start_in_s=3600)
    assert end_states(wire, top, child) == ["timed_out", "cancelled"]


@pytest.mark.parametrize(("command", "end"), [("true", "completed"), ("exit 3", "failed")])
def test_a_job_that_ends_by_itself_leaves_its_sub_jobs_running(
    daemon: PrivateDaemon, wire: Connection, command: str, end: str
) -> None:
    top = dispatch(wire, f"./luzia overbits '{GATE}'; {command}")
    assert end_states(wire, top) == [end]
    (child,) = children(wire, top)
    running(wire, child["id"])
    os.close(os.open(daemon.project / "gate", os.O_WRONLY))
    assert end_states(wire, child["id"]) == ["completed"]


def test_a_job_that_is_being_ended_dispatches_no_more(wire: Connection) -> None:
    top = running(wire, dispatch(wire))
    wire.ok(op="cancel", job=top)
    refused = wire.error(op="dispatch", project="overbits", task="true", parent=top)
    assert refused["code"] == "parent_ended"
    assert "--detach" in refused["hint"]
    end_states(wire, top)
    assert wire.error(op="dispatch", project="overbits", task="true", parent=top)["code"] == "parent_ended"


def test_depth_is_bounded(wire: Connection) -> None:
    top = dispatch(wire)
    child = dispatch(wire, parent=top)
    grandchild = dispatch(wire, parent=child)
    refused = wire.error(op="dispatch", project="overbits", task="true", parent=grandchild)
    assert refused["code"] == "too_deep"
    assert refused["message"] == f"a sub-job of job {grandchild} would be at depth 3; the limit is 2"
    assert "max_sub_job_depth" in refused["hint"]
    wire.ok(op="cancel", job=top)


def test_what_one_job_and_all_below_it_dispatch_is_bounded(wire: Connection) -> None:
    top = dispatch(wire)
    child = dispatch(wire, parent=top)
    for _ in range(3):
        end_states(wire, dispatch(wire, "true", parent=child))
    nodes = [{"project": "overbits", "task": "true"}] * 3
    refused = wire.error(op="graph", jobs=nodes, parent=top)
    assert refused["code"] == "too_many_sub_jobs"
    assert f"sub-jobs of job {top}: 6; the limit is 6" in refused["message"]
    wire.ok(op="graph", jobs=nodes[:2], parent=child)
    assert wire.error(op="dispatch", project="overbits", task="true", parent=top)["code"] == "too_many_sub_jobs"
    dispatch(wire, "true")
    wire.ok(op="cancel", job=top)


def test_jobs_that_dispatch_themselves_end_harmlessly(daemon: PrivateDaemon, wire: Connection) -> None:
    bomb = daemon.project / "bomb"
    bomb.write_text("#!/bin/sh\n./luzia overbits ./bomb; ./luzia overbits ./bomb\ntrue\n")
    bomb.chmod(0o755)
    top = dispatch(wire, "./bomb")
    end_states(wire, top)
    eventually(lambda: "queued" not in (counts := wire.ok(op="list")["counts"]) and "running" not in counts, "the end")
    assert len(wire.ok(op="list")["jobs"]) == 7


def test_the_cost_of_sub_jobs_counts_and_an_agent_at_a_shell_is_told_what_is_left(tmp_path: Path) -> None:
    dispatching = "./luzia -q --agent claude overbits 'say hello'"
    waiting = f'./luzia wait "$({dispatching})"'
    script = f'{waiting}; ./luzia jobs "$LUZIA_JOB_ID"; {waiting}; {dispatching}; echo "refused: $?"'
    env = {"PATH": fake_agent.path_with(fake_agent.install(tmp_path / "fake"))}
    with private_daemon(CONFIG, env) as daemon, daemon.connect() as wire:
        install_luzia(daemon.project)
        job = dispatch(wire, script, max_cost_usd=0.5)
        assert end_states(wire, job) == ["completed"]
        output = wire.ok(op="logs", job=job, offset=0)["data"]
        assert "$0.50, $0.25 left" in output
        assert f"refused: {exit_codes.REFUSED}" in output
        assert f"nothing is left of the budget for sub-jobs of job {job}" in output
        assert "Finish without further sub-jobs" in output
        assert [each["state"] for each in children(wire, job)] == ["completed"] * 2


def test_a_sub_job_has_the_priority_of_its_parent_unless_it_says_another(wire: Connection) -> None:
    top = dispatch(wire, priority=7)
    assert status(wire, dispatch(wire, parent=top))["priority"] == 7
    assert status(wire, dispatch(wire, parent=top, priority=0))["priority"] == 0
    wire.ok(op="cancel", job=top)


def test_who_belongs_to_whom_survives_a_crash(daemon: PrivateDaemon, wire: Connection) -> None:
    top = running(wire, dispatch(wire))
    child = running(wire, dispatch(wire, parent=top))
    daemon.kill()
    daemon.start()
    with daemon.connect() as retry:
        assert status(retry, child)["parent"] == top
        assert status(retry, top)["children"] == {"running": 1}
        assert [each["id"] for each in children(retry, top)] == [child]
        retry.ok(op="cancel", job=top)
        assert end_states(retry, top, child) == ["cancelled", "cancelled"]


def test_jobs_shows_the_family(daemon: PrivateDaemon, wire: Connection) -> None:
    top = dispatch(wire)
    child = running(wire, dispatch(wire, parent=top))
    assert "1 running" in next(line for line in daemon.run("jobs", top).stdout.splitlines() if "Sub-jobs:" in line)
    assert top in next(line for line in daemon.run("jobs", child).stdout.splitlines() if "Parent job:" in line)
    listed = daemon.run("jobs", "--parent", top[-4:]).stdout
    assert child in listed
    assert top not in listed
    wire.ok(op="cancel", job=top)


def test_who_belongs_to_whom_moves_to_another_luzia(daemon: PrivateDaemon, wire: Connection) -> None:
    top = dispatch(wire, "./luzia wait $(./luzia -q overbits true)")
    assert end_states(wire, top) == ["completed"]
    assert daemon.run("export", str(daemon.root / "jobs.jsonl")).returncode == 0
    with private_daemon() as other, other.connect() as there:
        assert other.run("import", str(daemon.root / "jobs.jsonl")).returncode == 0
        assert status(there, top)["children"] == {"completed": 1}
        (child,) = children(there, top)
        assert (child["parent"], child["ancestors"]) == (top, [top])
