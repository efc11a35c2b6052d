"""The order of starts and the limits of lanes, over the socket of a real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import Connection, PrivateDaemon, eventually, private_daemon, status

CONFIG = """
[daemon]
max_running = 1

cpus = 2
memory_bytes = 1073741824

[resources]
gpu = 2
staging-db = 1

[projects.low]
path = "{root}/overbits"
agent = "shell"
priority = -3
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG) as running:
        yield running


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
        assert status(wire, urgent)["reason"] == "waiting for a slot (1 of 1 in use), 1st in the queue"
        assert status(wire, last)["reason"] == "waiting for a slot (1 of 1 in use), 4th in the queue"
        (listed,) = (job for job in wire.ok(op="list")["jobs"] if job["id"] == last)
        assert listed["reason"] == "waiting for a slot (1 of 1 in use)"
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
        assert status(wire, urgent)["reason"] == "waiting for a slot (1 of 1 in use), 1st in the queue"
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
        assert status(wire, waiting)["reason"] == "waiting for a slot of agent shell (1 of 1 in use), 1st in the queue"
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


NEEDS: dict[str, dict[str, Any]] = {
    "gpu": {"needs": {"gpu": 2}},
    "lock": {"needs": {"staging-db": 1}},
    "cpus": {"cpus": 1.5},
    "memory": {"memory_bytes": 600 * 1024 * 1024},
}
LACKS = {
    "gpu": "needs gpu=2, 0 of 2 free",
    "lock": "needs staging-db=1, 0 of 1 free",
    "cpus": "needs 1.5 CPUs, 0.5 of 2 free",
    "memory": "needs 0.625 GiB of memory, 0.375 of 1 GiB free",
}


@pytest.fixture
def wide() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG.replace("max_running = 1", "max_running = 8")) as running:
        yield running


@pytest.mark.parametrize("kind", NEEDS)
def test_a_job_waits_for_what_it_needs_and_names_who_has_it(wide: PrivateDaemon, kind: str) -> None:
    with wide.connect() as wire:
        holder = blocker(wire, **NEEDS[kind])
        waiting, free = dispatch(wire, **NEEDS[kind]), dispatch(wire)
        assert started_order(wire, [free]) == [free], "a job that fits is not held up"
        assert status(wire, waiting)["reason"] == f"{LACKS[kind]} (held by {holder}), 1st in the queue"
        shown = status(wire, holder)
        assert {name: shown[name] for name in NEEDS[kind]} == NEEDS[kind]
        wire.ok(op="cancel", job=holder)
        assert started_order(wire, [waiting]) == [waiting]


def test_what_a_job_holds_is_held_again_after_a_crash(wide: PrivateDaemon) -> None:
    with wide.connect() as wire:
        holder = blocker(wire, needs={"gpu": 2})
        waiting = dispatch(wire, needs={"gpu": 1})
    wide.kill()
    wide.start()
    with wide.connect() as wire:
        assert status(wire, waiting)["reason"] == f"needs gpu=1, 0 of 2 free (held by {holder}), 1st in the queue"
        wire.ok(op="cancel", job=holder)
        assert started_order(wire, [waiting]) == [waiting]


def test_a_job_gives_back_what_it_held_however_it_ends(wide: PrivateDaemon) -> None:
    everything: dict[str, Any] = {"needs": {"gpu": 2, "staging-db": 1}, "cpus": 2, "memory_bytes": 1 << 30}
    with wide.connect() as wire:
        gone = str(wide.root / "gone")
        (wide.root / "gone").mkdir()
        jobs = [
            dispatch(wire, argv=("false",), **everything),
            dispatch(wire, argv=("/no/such/program",), **everything),
            dispatch(wire, argv=("sh", "-c", "kill -KILL $$"), **everything),
            dispatch(wire, argv=("sleep", "100000"), timeout_s=0.1, **everything),
            dispatch(wire, argv=("true",), cwd=gone, **everything),
        ]
        (wide.root / "gone").rmdir()
        assert not wire.ok(op="wait", jobs=jobs, timeout_s=60)["timed_out"]
        last = dispatch(wire, **everything)
        assert not wire.ok(op="wait", jobs=[last], timeout_s=60)["timed_out"]
        assert wire.ok(op="info")["slots_used"] == 0


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"needs": {"gpuu": 1}}, "unknown_resource", "Did you mean gpu?"),
        ({"needs": {"printer": 1}}, "unknown_resource", "Known resources: gpu, staging-db."),
        ({"needs": {"gpu": 3}}, "needs_too_much", "gpu=3, more than exists: 2 of 2 free"),
        ({"needs": {"gpu": 0}}, "bad_request", "1 or more"),
        ({"cpus": 2.5}, "needs_too_much", "2.5 CPUs"),
        ({"cpus": -1}, "bad_request", "above 0"),
        ({"memory_bytes": 2 << 30}, "needs_too_much", "2 GiB of memory"),
        ({"memory_bytes": 0}, "bad_request", "above 0"),
        ({"executor": "farm"}, "unknown_executor", "executor 'farm' not found Known executors: local."),
        ({"gpus": 1}, "needs_too_much", "GPUs are reserved on the nodes of a cluster only"),
        ({"gpus": 0}, "bad_request", "above 0"),
    ],
)
def test_what_can_never_be_had_is_refused(
    shared: PrivateDaemon, asked: dict[str, object], code: str, words: str
) -> None:
    with shared.connect() as wire:
        error = wire.error(op="dispatch", project="overbits", argv=["true"], **asked)
    assert error["code"] == code
    assert words in f"{error['message']} {error['hint']}"


def test_a_reload_lets_those_start_that_waited_for_more(wide: PrivateDaemon) -> None:
    with wide.connect() as wire:
        holder = blocker(wire, needs={"gpu": 2})
        waiting = dispatch(wire, needs={"gpu": 1})
        wide.config_file.write_text(wide.config_file.read_text().replace("gpu = 2", "gpu = 3"))
        wire.ok(op="reload")
        assert started_order(wire, [waiting]) == [waiting]
        wide.config_file.write_text(wide.config_file.read_text().replace("gpu = 3", "tpu = 3"))
        wire.ok(op="cancel", job=holder)
        wire.ok(op="reload")
        error = wire.error(op="dispatch", project="overbits", argv=["true"], needs={"gpu": 1})
        assert error["code"] == "unknown_resource"


def test_a_busy_machine_delays_starts_and_says_so(daemon: PrivateDaemon) -> None:
    settings = daemon.config_file.read_text()
    with daemon.connect() as wire:
        running = blocker(wire)
        daemon.config_file.write_text(settings.replace("max_running = 1", f"min_free_memory_bytes = {1 << 50}"))
        wire.ok(op="reload")
        waiting = dispatch(wire)
        assert status(wire, waiting)["reason"].startswith("memory is short: ")
        assert status(wire, waiting)["reason"].endswith(" GiB, 1st in the queue")
        assert status(wire, running)["state"] == "running"
        daemon.config_file.write_text(settings.replace("max_running = 1", "min_free_memory_bytes = 65536"))
        wire.ok(op="reload")
        assert started_order(wire, [waiting]) == [waiting]
        wire.ok(op="cancel", job=running)
