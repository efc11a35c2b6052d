"""Retries by policy and deadlines, over the socket of a real daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from private_luzia import private_luzia
from support import Connection, PrivateDaemon, dispatch, eventually, private_daemon, status

AT_ONCE = [0.001, 0.001]


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    config = '[projects.stubborn]\npath = "{root}/overbits"\nagent = "shell"\nretries = 1\nbackoff_s = [0.001]\n'
    with private_daemon(config) as running:
        yield running


def ended(wire: Connection, job: str) -> dict[str, Any]:
    assert wire.ok(op="wait", jobs=[job], timeout_s=60)["timed_out"] is False
    return status(wire, job)


def test_a_job_that_fails_is_tried_again_and_tells_after_how_many_attempts(wire: Connection) -> None:
    job = ended(wire, dispatch(wire, "echo $LUZIA_ATTEMPT; exit 4", retries=2, backoff_s=AT_ONCE))
    assert (job["state"], job["reason"]) == ("failed", "exit code 4, after 3 attempts")
    assert [(each["outcome"], each["reason"]) for each in job["attempts"]] == [("failed", "exit code 4")] * 3
    for attempt in (1, 2, 3):
        assert wire.ok(op="logs", job=job["id"], attempt=attempt)["data"] == f"{attempt}\n"


def test_it_ends_with_the_first_attempt_that_succeeds(wire: Connection) -> None:
    job = ended(wire, dispatch(wire, 'test "$LUZIA_ATTEMPT" = 2', retries=5, backoff_s=AT_ONCE))
    assert (job["state"], job["attempt"], job["reason"]) == ("completed", 2, None)


def test_only_the_named_outcomes_are_retried(wire: Connection) -> None:
    job = ended(wire, dispatch(wire, "exit 1", retries=3, retry_on=["lost", "timed_out"], backoff_s=AT_ONCE))
    assert (job["attempt"], job["reason"]) == (1, "exit code 1")
    late = ended(wire, dispatch(wire, "sleep 600", retries=1, retry_on=["timed_out"], backoff_s=AT_ONCE, timeout_s=0.2))
    assert (late["attempt"], late["outcome"]) == (2, "timed_out")


def test_a_project_has_its_own_policy_and_the_job_the_last_word(wire: Connection) -> None:
    assert ended(wire, dispatch(wire, "exit 1", "stubborn"))["attempt"] == 2
    assert ended(wire, dispatch(wire, "exit 1", "stubborn", retries=0))["attempt"] == 1
    assert ended(wire, dispatch(wire, "exit 1"))["attempt"] == 1


def test_a_waiting_retry_counts_down_and_starts_at_once_when_asked(wire: Connection) -> None:
    job = dispatch(wire, 'test "$LUZIA_ATTEMPT" = 2', retries=3, backoff_s=[1e8, 1e8])
    eventually(lambda: "retry 1 of 3" in (status(wire, job)["reason"] or ""))
    waiting = status(wire, job)
    assert (waiting["state"], len(waiting["attempts"])) == ("queued", 1)
    assert waiting["reason"].endswith(", after: exit code 1")
    assert waiting["not_before"] is not None
    assert wire.ok(op="retry", job=job)["job"] == job
    assert (ended(wire, job)["state"], status(wire, job)["attempt"]) == ("completed", 2)


def test_a_person_who_retries_gives_the_job_its_retries_anew(wire: Connection) -> None:
    job = dispatch(wire, "exit 1", retries=1, backoff_s=AT_ONCE)
    assert ended(wire, job)["attempt"] == 2
    wire.ok(op="retry", job=job)
    retry = ended(wire, job)
    assert (retry["attempt"], retry["reason"]) == (4, "exit code 1, after 2 attempts")


def test_a_waiting_retry_can_be_cancelled(wire: Connection) -> None:
    job = dispatch(wire, "exit 1", retries=3, backoff_s=[1e8, 1e8])
    eventually(lambda: "retry 1" in (status(wire, job)["reason"] or ""))
    wire.ok(op="cancel", job=job)
    assert (status(wire, job)["state"], status(wire, job)["attempt"]) == ("cancelled", 1)


def test_subscribers_hear_of_each_attempts_outcome(wire: Connection) -> None:
    job = ended(wire, dispatch(wire, "exit 1", retries=1, backoff_s=AT_ONCE))["id"]
    wire.ok(op="subscribe", after=0, jobs=[job], kinds=["requeued"])
    event = wire.receive()["event"]
    assert (event["attempt"], event["outcome"], event["state"]) == (1, "failed", "queued")
    assert event["reason"] == "retry 1 of 1: exit code 1"


def events_of(wire: Connection, job: str, kinds: list[str], number: int) -> list[dict[str, Any]]:
    wire.ok(op="subscribe", after=0, jobs=[job], kinds=kinds, id="events")
    found = [wire.receive()["event"] for _ in range(number)]
    wire.ok(op="unsubscribe", stream="events")
    return found


def test_the_events_of_an_end_say_who_ran_how_long_it_ran_and_how_long_it_waited(wire: Connection) -> None:
    before = time.time()
    job = ended(wire, dispatch(wire, "exit 1", retries=1, backoff_s=AT_ONCE))["id"]
    elapsed_s = time.time() - before
    first, last = events_of(wire, job, ["requeued", "ended"], 2)
    told = status(wire, job)
    for event, attempt in zip((first, last), told["attempts"], strict=True):
        assert (event["project"], event["agent"]) == ("overbits", "shell")
        assert event["attempt"] == attempt["number"]
        assert event["duration_s"] == attempt["duration_s"]
        assert 0 <= event["waited_s"] <= elapsed_s
        assert event["outcome"] == "failed"
        assert "spent" not in event  # a shell tells no tokens
    assert last["reason"] == told["reason"]


def test_no_attempt_is_counted_by_two_events(wire: Connection) -> None:
    job = dispatch(wire, "exit 1", retries=3, backoff_s=[1e8, 1e8])
    eventually(lambda: "retry 1" in (status(wire, job)["reason"] or ""))
    wire.ok(op="cancel", job=job)
    wire.ok(op="retry", job=job)
    eventually(lambda: len(status(wire, job)["attempts"]) == 2 and status(wire, job)["state"] == "queued")
    wire.ok(op="cancel", job=job)
    told = events_of(wire, job, ["requeued", "ended"], 5)
    ran = [(event["kind"], event["attempt"]) for event in told if "duration_s" in event]
    assert ran == [("requeued", 1), ("requeued", 2)]
    assert [event["kind"] for event in told] == ["requeued", "ended", "requeued", "requeued", "ended"]
    created = datetime.fromisoformat(status(wire, job)["created_at"])
    assert all(event["waited_s"] <= (datetime.fromisoformat(event["at"]) - created).total_seconds() for event in told)


@pytest.mark.parametrize(
    "wrong",
    [
        {"retries": -1},
        {"retries": 101},
        {"retry_on": ["completed"]},
        {"retry_on": ["tired"]},
        {"backoff_s": []},
        {"backoff_s": [5, 2]},
        {"backoff_s": [0]},
        {"expires_s": 0},
        {"job_timeout_s": -3},
    ],
)
def test_terms_that_make_no_sense_are_refused(wire: Connection, wrong: dict[str, object]) -> None:
    assert wire.error(op="dispatch", project="overbits", task="true", **wrong)["code"] == "bad_request"


def test_a_delay_of_nothing_is_refused_with_what_is_accepted(wire: Connection) -> None:
    refused = wire.error(op="dispatch", project="overbits", task="true", backoff_s=[0.0])
    assert "one or two numbers of seconds above 0" in refused["message"]
    assert refused["message"].endswith(", not [0.0]")


def test_a_job_expires_so_long_after_it_could_have_begun(wire: Connection) -> None:
    patient = dispatch(wire, "true", not_before="2120-01-01T00:00:00Z", expires_s=0.001)
    assert ended(wire, dispatch(wire, "true", expires_s=3600))["state"] == "completed"
    assert status(wire, patient)["state"] == "queued"
    wire.ok(op="cancel", job=patient)


def test_all_attempts_together_may_take_so_long_and_no_longer(wire: Connection) -> None:
    running = dispatch(wire, "sleep 600", job_timeout_s=0.3, retries=3)
    waiting = dispatch(wire, "exit 1", job_timeout_s=0.3, retries=3, backoff_s=[1e8, 1e8])
    for job in (running, waiting):
        assert ended(wire, job)["outcome"] == "overdue"
        assert (status(wire, job)["state"], status(wire, job)["attempt"]) == ("timed_out", 1)
        assert "longer than its job timeout of 0.3 s" in status(wire, job)["reason"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_retries_expiries_and_deadlines_outlive_the_daemon(how: str) -> None:
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon:
        with daemon.connect() as wire:
            retrying = dispatch(wire, 'test "$LUZIA_ATTEMPT" = 2', retries=1, backoff_s=[1e8, 1e8])
            eventually(lambda: "retry 1 of 1" in (status(wire, retrying)["reason"] or ""))
            running = dispatch(wire, "sleep 600", job_timeout_s=2)
            expiring = dispatch(wire, "true", expires_s=0.5)
            eventually(lambda: status(wire, running)["state"] == "running")
        daemon.kill() if how == "kill" else daemon.stop()
        daemon.start()
        with daemon.connect() as wire:
            assert "retry 1 of 1 in " in status(wire, retrying)["reason"]
            expired = ended(wire, expiring)
            assert (expired["state"], expired["outcome"]) == ("timed_out", "expired")
            assert (expired["reason"], expired["attempts"]) == ("had not started within 0.5 s", [])
            assert ended(wire, running)["outcome"] == "overdue"
            wire.ok(op="retry", job=retrying)
            assert ended(wire, retrying)["state"] == "completed"
            wire.ok(op="retry", job=expiring)
            assert ended(wire, expiring)["state"] == "completed"


def test_the_command_line_says_it_all() -> None:
    with private_luzia() as luzia, luzia.client() as client:
        options = ["--retries", "2", "--retry-on", "failed,lost", "--backoff", "1ms..2ms", "--job-timeout", "1h"]
        said = luzia.run(*options, "--expires", "2h", "--agent", "shell", ".", "exit 3")
        assert said.returncode == 0, said.stderr
        assert luzia.run("wait", "@last").returncode == 1
        shown = luzia.run("jobs", "@last").stdout.decode()
        assert "exit code 3, after 3 attempts" in shown
        assert shown.count("failed") >= 3
        terms = client.get_job("@last").terms
        assert terms is not None
        assert (terms.retries, terms.retry_on, terms.backoff_s) == (2, ["failed", "lost"], [0.001, 0.002])
        assert (terms.expires_s, terms.job_timeout_s) == (7200, 3600)
        late = luzia.run("-q", "--job-timeout", "0.2", "--agent", "shell", ".", "sleep 600")
        assert luzia.run("wait", late.stdout.decode().strip()).returncode == 11
