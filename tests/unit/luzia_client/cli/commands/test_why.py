"""`luzia why` tells the whole story of one job, as real commands with a real daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luzia_client.cli.show.reasons import explain_job
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import width
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text("[daemon]\nmax_running = 1\n")
        yield luzia


def lines(luzia: PrivateLuzia, *words: str) -> list[str]:
    done = luzia.run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()


def test_a_waiting_job_shows_each_condition_its_position_and_an_estimate_that_is_marked_as_one(
    luzia: PrivateLuzia,
) -> None:
    client = luzia.client()
    client.wait([luzia.shell("true")], timeout_s=DEADLINE_S)
    running = luzia.shell("sleep 1000")
    until(lambda: client.get_job(running).state == "running", "running")
    luzia.shell("true")
    told = lines(luzia, "why", luzia.shell("true"))
    assert "queued for a slot (1 of 1 in use)" in told[0]
    assert "    ✓ hold" in told
    assert "    ✗ slots           waiting for a slot (1 of 1 in use)" in told
    assert "    all jobs          1 of 1" in told
    assert sum("waiting for a slot" in line for line in told) == 1, "the condition has the reason"
    assert "  Position in the queue: 2" in told
    (estimate,) = [line for line in told if "Expected start" in line]
    assert "(an estimate: the median running time of 1 completed job of " in estimate
    assert any(line.endswith("dispatched to project") for line in told)


def test_an_ended_job_shows_the_reason_of_each_attempt(luzia: PrivateLuzia) -> None:
    client = luzia.client()
    job = client.dispatch(
        luzia.project, "test $LUZIA_ATTEMPT = 2 && exit 7; exit 6", agent="shell", retries=1, backoff_s=(0.001, 0.001)
    ).job
    client.wait([job], timeout_s=DEADLINE_S)
    told = "\n".join(lines(luzia, "why", job))
    assert f"Job {job}  failed: exit code 7" in told
    assert "attempt 1 failed after " in told
    assert ": exit code 6\n" in told
    assert ": exit code 7\n" in told
    assert "Conditions" not in told
    assert f"  luzia retry {job}" in told


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_story_fits_the_terminal_and_is_divided_between_words(luzia: PrivateLuzia, columns: int) -> None:
    client = luzia.client()
    client.wait([luzia.shell("true")], timeout_s=DEADLINE_S)
    running = luzia.shell("sleep 1000")
    until(lambda: client.get_job(running).state == "running", "running")
    waiting = luzia.shell("true")
    failed = client.dispatch(luzia.project, "true", agent="shell", after=[luzia.shell("false")]).job
    client.pause_queue()
    stopped = luzia.shell("true")
    client.resume_queue()
    for job in (waiting, stopped, running, failed):
        told = client.why(job)
        whole = "\n".join(explain_job(told, datetime.now(UTC), Screen()))
        shown = explain_job(told, datetime.now(UTC), Screen(width=columns))
        assert max(map(width, shown)) <= columns, shown
        assert "\n".join(shown).split() == whole.split()


def test_json_has_everything_that_the_daemon_tells(luzia: PrivateLuzia) -> None:
    job = luzia.client().dispatch(luzia.project, "true", agent="shell", hold=True).job
    (line,) = lines(luzia, "why", job, "--json")
    told = json.loads(line)
    assert told["job"]["id"] == job
    assert [gate["name"] for gate in told["gates"] if gate["is_open"] is False] == ["hold"]
