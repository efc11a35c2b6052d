"""The order of starts and the limits of lanes, over the socket of a real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import Connection, PrivateDaemon, eventually, private_daemon

CONFIG = """
[daemon]
max_running = 1

[projects.low]
path = "{root}/overbits"
agent = "shell"
priority = -3
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG) as running:
        yield running


def status(wire: Connection, job: str) -> dict[str, Any]:
    found: dict[str, Any] = wire.ok(op="status", job=job)["job"]
    return found


def dispatch(wire: Connection, project: str = "overbits", argv: tuple[str, ...] = ("true",), **more: object) -> str:
    job: str = wire.ok(op="dispatch", project=project, argv=argv, **more)["job"]
    return job


def blocker(wire: Connection, project: str = "overbits", **more: object) -> str:
    """A job that runs until it is cancelled."""
    job = dispatch(wire, project, ("sleep", "100000"), **more)
    eventually(lambda: status(wire, job)["state"] == "running")
    return job


def started_order(wire: Connection, jobs: list[str]) -> list[str]:
    assert not wire.ok(op="wait", jobs=jobs, timeout_s=60)["timed_out"]
    return sorted(jobs, key=lambda job: str(status(wire, job)["attempts"][0]["starting_at"]))


def test_the_urgent_job_starts_first_and_each_knows_its_place(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        first = blocker(wire)
        last, usual = dispatch(wire, priority=-7), dispatch(wire)
        of_project, urgent = dispatch(wire, "low"), dispatch(wire, "low", priority=7)
        assert [status(wire, job)["priority"] for job in (last, usual, of_project, urgent)] == [-7, 0, -3, 7]
        assert status(wire, urgent)["reason"] == "limit 1/1 of all projects, 1st in the queue"
        assert status(wire, last)["reason"] == "limit 1/1 of all projects, 4th in the queue"
        (listed,) = (job for job in wire.ok(op="list")["jobs"] if job["id"] == last)
        assert listed["reason"] == "limit 1/1 of all projects"
        wire.ok(op="cancel", job=first)
        assert started_order(wire, [last, usual, of_project, urgent]) == [urgent, usual, of_project, last]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_priorities_and_what_runs_are_known_after_a_restart(daemon: PrivateDaemon, how: str) -> None:
    with daemon.connect() as wire:
        first = blocker(wire)
        last, urgent = dispatch(wire, priority=-7), dispatch(wire, priority=7)
    daemon.kill() if how == "kill" else daemon.stop()
    daemon.start()
    with daemon.connect() as wire:
        assert status(wire, urgent)["reason"] == "limit 1/1 of all projects, 1st in the queue"
        assert wire.ok(op="info")["slots_used"] == 1
        wire.ok(op="cancel", job=first)
        assert started_order(wire, [last, urgent]) == [urgent, last]
        eventually(lambda: wire.ok(op="info")["slots_used"] == 0)


def test_a_single_job_does_not_wait_for_another_projects_batch(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        first = blocker(wire)
        batch = [dispatch(wire) for _ in range(5)]
        single = dispatch(wire, "low", priority=0)
        wire.ok(op="cancel", job=first)
        assert started_order(wire, [*batch, single]).index(single) == 0


def test_a_built_in_agent_can_be_limited_and_a_reload_changes_it(daemon: PrivateDaemon) -> None:
    def limit(agents: int) -> None:
        daemon.config_file.write_text(f"[daemon]\nmax_running = 4\n[agents.shell]\nmax_running = {agents}\n")
        with daemon.connect() as other:
            other.ok(op="reload")

    path = str(daemon.project)
    limit(1)
    with daemon.connect() as wire:
        running = wire.ok(op="dispatch", project=path, agent="shell", task="sleep 100000")["job"]
        waiting = wire.ok(op="dispatch", project=path, agent="shell", task="sleep 100000")["job"]
        free = dispatch(wire, path)
        assert started_order(wire, [free]) == [free]
        assert status(wire, waiting)["reason"] == "limit 1/1 of lane shell, 1st in the queue"
        limit(2)
        eventually(lambda: status(wire, waiting)["state"] == "running")
        for job in (running, waiting):
            wire.ok(op="cancel", job=job)
        wire.ok(op="wait", jobs=[running, waiting])
        eventually(lambda: wire.ok(op="info")["slots_used"] == 0)


def test_a_priority_beyond_the_range_is_refused(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        error = wire.error(op="dispatch", project="overbits", argv=["true"], priority=101)
        assert error["code"] == "bad_request"
        assert "-100 to 100" in error["message"]
