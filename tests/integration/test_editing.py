"""Queued jobs are changed: their task, their priority, and what they come after."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon, status

GATE = "cat gate >/dev/null"


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 1\n") as running:
        os.mkfifo(running.project / "gate")
        yield running


def open_gate(daemon: PrivateDaemon) -> None:
    os.close(os.open(daemon.project / "gate", os.O_WRONLY))


def test_another_task_is_run_also_after_a_crash(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        dispatch(wire, GATE)
        job = dispatch(wire, "echo old")
        assert wire.ok(op="edit", job=job, task="echo new ✓")["state"] == "queued"
        assert status(wire, job)["task"] == "echo new ✓"
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        assert status(wire, job)["task"] == "echo new ✓"
        open_gate(daemon)
        ended(wire, job)
        assert wire.ok(op="logs", job=job)["data"] == "new ✓\n"


def test_a_job_that_became_urgent_starts_first(daemon: PrivateDaemon, wire: Connection) -> None:
    dispatch(wire, GATE)
    first, second = dispatch(wire), dispatch(wire)
    wire.ok(op="edit", job=second, priority=5)
    assert status(wire, second)["priority"] == 5
    open_gate(daemon)
    jobs = ended(wire, first, second)
    assert jobs[1]["started_at"] < jobs[0]["started_at"]


def test_dependencies_are_given_changed_and_taken_away(daemon: PrivateDaemon, wire: Connection) -> None:
    running = dispatch(wire, GATE)
    first, second = dispatch(wire), dispatch(wire)
    wire.ok(op="edit", job=first, after=[second])
    assert status(wire, first)["reason"] == f"waits for {second}"
    wire.ok(op="edit", job=first, after=[], after_any=[running, second])
    found = status(wire, first)
    assert (found["after"], found["after_any"]) == ([], [running, second])
    wire.ok(op="edit", job=second, after_fail=[running])
    open_gate(daemon)
    jobs = ended(wire, first, second)
    assert [job["state"] for job in jobs] == ["completed", "skipped"]


def test_a_circle_is_refused_and_named(daemon: PrivateDaemon, wire: Connection) -> None:
    dispatch(wire, GATE)
    first = dispatch(wire)
    second = dispatch(wire, after=[first])
    third = dispatch(wire, after_any=[second])
    refused = wire.error(op="edit", job=first, after=[third])
    assert refused["code"] == "graph_cycle"
    assert f"{first} → {third} → {second} → {first}" in refused["message"]
    assert wire.error(op="edit", job=first, after=[first])["code"] == "graph_cycle"
    assert status(wire, first)["after"] == []


def test_what_cannot_be_is_refused_and_changes_nothing(daemon: PrivateDaemon, wire: Connection) -> None:
    running, queued = dispatch(wire, GATE), dispatch(wire)
    eventually(lambda: status(wire, running)["state"] == "running", "the job runs")
    exact = wire.ok(op="dispatch", project="overbits", argv=["true"])["job"]
    assert wire.error(op="edit", job=running, priority=1)["code"] == "job_not_queued"
    assert wire.error(op="edit", job=exact, task="x")["code"] == "invalid_task"
    assert wire.error(op="edit", job=queued, task=" ")["code"] == "invalid_task"
    assert wire.error(op="edit", job=queued, task="echo new", priority=1000)["code"] == "bad_request"
    assert wire.error(op="edit", job=queued, priority=1, after=["nowhere"])["code"] == "unknown_job"
    assert (status(wire, queued)["task"], status(wire, queued)["priority"]) == ("true", 0)


def test_the_command_line_edits(daemon: PrivateDaemon, wire: Connection) -> None:
    running, queued = dispatch(wire, GATE), dispatch(wire)
    said = daemon.run("edit", queued, "--task", "-", "--priority", "7", "--after", running, input="echo from stdin\n")
    assert (said.returncode, said.stdout) == (0, f"{queued}  changed\n"), said.stderr
    found = status(wire, queued)
    assert (found["task"], found["priority"], found["after"]) == ("echo from stdin\n", 7, [running])
    assert daemon.run("edit", queued, "--after", "none").returncode == 0
    assert status(wire, queued)["after"] == []
    said = daemon.run("edit", queued)
    assert said.returncode == 2
    assert "nothing to change" in said.stderr
