"""Commands for many jobs send all of their requests ahead of the replies, and lose no reply and no refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.replies import JobChange, StatusResult
from luzia_protocol.requests import Cancel, Status

from luzia_client.api.pipeline import exchange_each
from luzia_client.cli import exit_codes
from luzia_client.transport.endpoint import ConnectionLostError
from support import Connection, PrivateDaemon, dispatch, ended, private_daemon, status

MANY = 700


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_jobs = 5000\n") as running:
        yield running


@pytest.fixture
def queued(wire: Connection) -> Iterator[list[str]]:
    """Many jobs, none of which starts."""
    wire.ok(op="pause_queue")
    jobs = [{"name": f"n{number}", "project": "overbits", "task": "true"} for number in range(MANY)]
    found = list(wire.ok(op="graph", jobs=jobs)["jobs"].values())
    yield found
    for job in found:
        wire.send(op="cancel", job=job)
    for _ in found:
        wire.receive()  # most are cancelled or removed by now
    wire.ok(op="resume_queue")


def test_every_job_of_a_selection_is_changed_and_printed_once(
    daemon: PrivateDaemon, wire: Connection, queued: list[str]
) -> None:
    for verb, said, state in (
        ("cancel", "cancelled", "cancelled"),
        ("retry", "retried", "queued"),
        ("cancel", "cancelled", "cancelled"),
    ):
        done = daemon.run(verb, "--all", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(done.stdout.splitlines()) == sorted(f"{job}  {said}" for job in queued)
        assert wire.ok(op="list", limit=1)["counts"][state] >= MANY
    removed = daemon.run("remove", "--yes", *queued)
    assert (removed.returncode, len(removed.stdout.splitlines())) == (0, MANY)
    assert wire.error(op="status", job=queued[0])["code"] == "unknown_job"


def test_a_refusal_among_many_is_told_and_stops_nothing(
    daemon: PrivateDaemon, wire: Connection, queued: list[str]
) -> None:
    wire.ok(op="cancel", job=queued[3])
    done = daemon.run("cancel", "--yes", *queued[:20])
    assert done.returncode == exit_codes.REFUSED
    assert len(done.stdout.splitlines()) == 19
    assert queued[3] in done.stderr
    assert status(wire, queued[19])["state"] == "cancelled"


def test_replies_come_in_the_order_of_the_requests(daemon: PrivateDaemon, wire: Connection) -> None:
    jobs = [dispatch(wire, f": {number}") for number in range(5)]
    asked = [*jobs, "nobody", *reversed(jobs)] * 60
    replies = list(exchange_each(daemon.socket, (Status(job=job) for job in asked), StatusResult))
    assert len(replies) == len(asked)
    for job, reply in zip(asked, replies, strict=True):
        if job == "nobody":
            assert isinstance(reply, Refused)
            assert reply.code is ErrorCode.UNKNOWN_JOB
        else:
            assert isinstance(reply, StatusResult)
            assert reply.job.id == job
    ended(wire, *jobs)


def test_a_daemon_that_dies_among_many_is_an_error_after_the_replies_that_came() -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        jobs = [dispatch(wire, "true", hold=True) for _ in range(4)]
        replies = exchange_each(daemon.socket, (Cancel(job=job) for job in jobs), JobChange, ahead=1)
        first = next(replies)
        assert isinstance(first, JobChange)
        assert first.job == jobs[0]
        daemon.kill()
        with pytest.raises(ConnectionLostError):
            list(replies)


def test_each_line_of_a_batch_is_dispatched_or_refused_in_its_place(
    daemon: PrivateDaemon, wire: Connection, tmp_path: Path
) -> None:
    lines = [json.dumps({"project": "overbits", "task": f": {number}", "hold": True}) for number in range(300)]
    lines[7], lines[200] = '{"project": "never", "task": "x"}', "no json"
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join(lines))
    done = daemon.run("batch", "--each", "--json", str(file))
    accepted = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["line"] for each in accepted] == [n for n in range(1, 301) if n not in (8, 201)]
    assert "line 8" in done.stderr
    assert "line 201" in done.stderr
    assert status(wire, accepted[-1]["job"])["task"] == ": 299"
    assert daemon.run("cancel", "--all", "--yes").returncode == 0


def test_a_line_of_a_batch_may_follow_the_one_before(daemon: PrivateDaemon, wire: Connection, tmp_path: Path) -> None:
    file = tmp_path / "chain.jsonl"
    line = {"project": "overbits", "task": "true"}
    file.write_text("\n".join(json.dumps(line | more) for more in ({}, {"after": ["@last"]}, {"after": ["@last"]})))
    done = daemon.run("batch", "--each", str(file))
    first, second, third = done.stdout.split()
    assert [status(wire, job)["after"] for job in (first, second, third)] == [[], [first], [second]]
    ended(wire, first, second, third)
