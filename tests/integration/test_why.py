"""`why` tells everything that a queued job has to pass, its position, and when it is expected to start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support import Connection, PrivateDaemon, dispatch, end_states, eventually, private_daemon, status

GATES = ["parent job", "hold", "usage limit", "account", "daily budget", "start time", "dependencies"]


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(
        '[daemon]\nmax_running = 1\n[projects.other]\npath = "{root}/other"\nagent = "shell"\n'
    ) as running:
        yield running


def gates(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {gate["name"]: gate for gate in told["gates"]}


def occupy(wire: Connection) -> str:
    """A job that runs until it is cancelled."""
    job = dispatch(wire, "sleep 1000")
    eventually(lambda: status(wire, job)["state"] == "running")
    return job


def test_a_job_that_waits_for_a_slot_has_a_position_its_limits_and_an_estimate_from_earlier_jobs(
    wire: Connection,
) -> None:
    assert end_states(wire, dispatch(wire, "true"), dispatch(wire, "true")) == ["completed"] * 2
    running = occupy(wire)
    first, second = dispatch(wire, "true"), dispatch(wire, "true")
    told = wire.ok(op="why", job=second)
    assert told["job"]["id"] == second
    assert [gate["name"] for gate in told["gates"]] == [*GATES, "queue", "machine", "slots"]
    assert [gate["name"] for gate in told["gates"] if gate["is_open"] is not True] == ["slots"]
    assert gates(told)["slots"]["reason"] == "waiting for a slot (1 of 1 in use)"
    assert told["position"] == 2
    assert told["limits"][0] == {"name": "all jobs", "used": 1, "capacity": 1}
    assert told["estimate"]["jobs"] == 2
    assert wire.ok(op="why", job=first)["position"] == 1
    wire.ok(op="cancel", job=running)
    assert end_states(wire, first, second) == ["completed"] * 2
    assert wire.ok(op="why", job=second).keys() == {"job"} | told.keys()


def test_without_completed_jobs_there_is_no_estimate(wire: Connection) -> None:
    occupy(wire)
    assert wire.ok(op="why", job=dispatch(wire, "true"))["estimate"] is None


def test_every_closed_gate_is_told_at_once_and_the_slots_are_asked_later(wire: Connection) -> None:
    running = occupy(wire)
    at = datetime.now(UTC) + timedelta(hours=1)
    job = dispatch(wire, "true", hold=True, after=[running], not_before=at.isoformat())
    told = wire.ok(op="why", job=job)
    found = gates(told)
    assert [name for name, gate in found.items() if gate["is_open"] is False] == ["hold", "start time", "dependencies"]
    assert datetime.fromisoformat(found["start time"]["opens_at"]) == at
    assert found["dependencies"]["reason"] == f"waits for {running}"
    assert "opens_at" not in found["hold"]
    assert found["slots"] == {"name": "slots", "is_open": None}
    assert told["position"] is None
    assert told["limits"] == []


def test_a_job_that_depends_on_a_running_one_is_expected_when_that_ends(wire: Connection) -> None:
    assert end_states(wire, dispatch(wire, "true")) == ["completed"]
    running = occupy(wire)
    job = dispatch(wire, "true", after=[running])
    assert wire.ok(op="why", job=job)["estimate"]["jobs"] == 1
    below = dispatch(wire, "true", after=[job])
    assert wire.ok(op="why", job=below)["estimate"] is None, "the end of a queued job is not known"


def test_a_paused_queue_is_a_condition_of_its_own(wire: Connection) -> None:
    wire.ok(op="pause_queue")
    told = wire.ok(op="why", job=dispatch(wire, "true"))
    assert gates(told)["queue"]["is_open"] is False
    assert gates(told)["queue"]["reason"].startswith("the queue has been paused since ")
    assert told["estimate"] is None
