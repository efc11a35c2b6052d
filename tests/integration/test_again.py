"""`again` dispatches a job like an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import Connection, PrivateDaemon, dispatch, end_states, private_daemon, status

SAME: tuple[str, ...] = (
    "project",
    "agent",
    "task",
    "argv",
    "cwd",
    "timeout_s",
    "stall_timeout_s",
    "tags",
    "node",
    "bounds",
    "priority",
)
SAME = (*SAME, "needs", "cpus", "memory_bytes", "env_names", "budget", "launch", "model", "args")


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[resources]\nlicence = 2\n") as running:
        yield running


def kept(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told.get(name) for name in SAME}


def test_the_new_job_has_all_settings_and_variables_of_the_earlier_one(wire: Connection, daemon: PrivateDaemon) -> None:
    job = dispatch(
        wire,
        'test "$COLOUR" = green',
        env={"COLOUR": "green"},
        name="painter",
        tags={"kind": "try"},
        timeout_s=50,
        stall_timeout_s=40,
        retries=2,
        backoff_s=[0.001],
        retry_on=["failed"],
        priority=7,
        needs={"licence": 1},
        cpus=0.5,
        memory_bytes=1 << 20,
        cwd=str(daemon.root),
        start_in_s=0.001,
    )
    assert end_states(wire, job) == ["completed"]
    new = wire.ok(op="again", job="painter")["job"]
    assert new != job
    assert end_states(wire, new) == ["completed"], "it has the value of the variable"
    assert kept(status(wire, new)) == kept(status(wire, job))
    terms = status(wire, new)["terms"]
    assert (terms["retries"], terms["backoff_s"], terms["retry_on"]) == (2, [0.001], ["failed"])
    assert "start_in_s" not in terms


def test_a_command_is_repeated_exactly_and_has_no_other_task(wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", argv=["sh", "-c", "exit 3"])["job"]
    new = wire.ok(op="again", job=job)["job"]
    assert status(wire, new)["argv"] == ["sh", "-c", "exit 3"]
    assert wire.error(op="again", job=job, task="x")["code"] == "invalid_task"


def test_dependencies_are_not_repeated_and_the_task_can_be_another(wire: Connection) -> None:
    first = dispatch(wire, "true")
    job = dispatch(wire, "true", after=[first])
    new = wire.ok(op="again", job=job, task="exit 4")["job"]
    told = status(wire, new)
    assert (told["after"], told["task"]) == ([], "exit 4")


def test_with_the_same_key_it_is_dispatched_once(wire: Connection) -> None:
    job = dispatch(wire, "true")
    made = [wire.ok(op="again", job=job, key="one") for _ in range(2)]
    assert made[0]["job"] == made[1]["job"]
    assert [each["created"] for each in made] == [True, False]


def test_an_unknown_job_is_refused(wire: Connection) -> None:
    assert wire.error(op="again", job="nothing")["code"] == "unknown_job"
