"""`luzia stats` as a real command, of jobs that ran and of thousands that were taken in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from luzia_protocol.jobs import Attempt, Job, JobState, Outcome, job_name

from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia

MANY = 3000


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        luzia.env["LUZIA_MAX_JOBS"] = str(2 * MANY)
        luzia.client()
        yield luzia


def asking(luzia: PrivateLuzia) -> Client:
    """A client of the daemon that runs."""
    return Client(luzia.socket, autostart=False)


def test_the_figures_are_those_of_the_jobs(luzia: PrivateLuzia) -> None:
    nothing = luzia.run("stats")
    assert (nothing.returncode, nothing.stdout[:12]) == (0, b"No jobs yet.")
    client = asking(luzia)
    other = os.path.join(luzia.root, "other")
    os.mkdir(other)
    jobs = [client.dispatch(luzia.project, "true", agent="shell").job for _ in range(3)]
    jobs.append(client.dispatch(other, "exit 3", agent="shell", retries=2, backoff_s=[0.01]).job)
    held = client.dispatch(other, "true", agent="shell", hold=True).job
    client.wait(jobs, DEADLINE_S)
    told = json.loads(luzia.run("stats", "--json").stdout)
    total = told["total"]
    assert (total["jobs"], total["states"], total["success"]) == (5, {"completed": 3, "failed": 1, "queued": 1}, 0.75)
    assert sum(bucket["completed"] for bucket in told["ended"]) == 3
    assert sum(bucket["other"] for bucket in told["ended"]) == 1
    whole = [client.get_job(job) for job in jobs]
    starts = [(job.attempts[0].started_at or job.created_at) - job.created_at for job in whole]
    waited = sorted(start.total_seconds() for start in starts)
    ran = sorted(sum(attempt.duration_s or 0.0 for attempt in job.attempts) for job in whole)
    assert len(whole[-1].attempts) == 3
    for spans, expected in ((total["waited_s"], waited), (total["ran_s"], ran)):
        values = [spans[name] for name in ("count", "median", "p90", "p99", "most")]
        assert values == pytest.approx([4, expected[1], *expected[3:] * 3])
    assert [(each["name"], each["jobs"]) for each in told["projects"]] == [("project", 3), ("other", 2)]
    one = json.loads(luzia.run("stats", "--json", "--project", "other").stdout)["total"]
    assert (one["jobs"], one["success"]) == (2, 0.0)
    client.cancel(held)
    shown = luzia.run("stats").stdout.decode()
    assert "5 jobs since" in shown
    assert "Success: 75 %" in shown
    assert "\x1b" not in shown


def test_a_picture_is_written_and_nonsense_refused(luzia: PrivateLuzia) -> None:
    asking(luzia).wait([asking(luzia).dispatch(luzia.project, "true", agent="shell").job], DEADLINE_S)
    picture = Path(luzia.root, "jobs.svg")
    drawn = luzia.run("stats", "--svg", str(picture))
    assert (drawn.returncode, drawn.stdout.decode()) == (0, f"{picture}\n")
    assert "1 job" in picture.read_text()
    for when in ("soon", "-7d", "2026-13-01"):
        assert luzia.run("stats", f"--since={when}").returncode == 2


def test_thousands_of_jobs_are_counted_each_once(luzia: PrivateLuzia) -> None:
    now = datetime.now(UTC)
    client = asking(luzia)
    for first in range(0, MANY, 100):
        client.import_jobs([old_job(number, now) for number in range(first, first + 100)])
    told = json.loads(luzia.run("stats", "--json").stdout)
    total = told["total"]
    assert (total["jobs"], total["success"]) == (MANY, 0.75)
    assert sum(bucket["completed"] + bucket["other"] for bucket in told["ended"]) == MANY
    assert [total["ran_s"][name] for name in ("median", "p90", "p99", "most")] == [1500, 2700, 2970, 3000]
    assert total["waited_s"]["median"] == 5.0
    newer = json.loads(luzia.run("stats", "--json", "--since", "9995m").stdout)["total"]
    assert newer["jobs"] == 1000


def old_job(number: int, now: datetime) -> Job:
    """A job that was dispatched ten times `number` minutes ago and some, waited for 5 s and ran for `number` + 1 s."""
    created = now - timedelta(minutes=10 * number, seconds=70)
    started = created + timedelta(seconds=5)
    good = number % 4 > 0
    job = f"000000-{number:04x}"
    outcome = Outcome.COMPLETED if good else Outcome.FAILED
    ended = started + timedelta(seconds=number + 1)
    attempt = Attempt(1, started, started, ended, outcome=outcome, duration_s=number + 1.0)
    return Job(
        id=job,
        name=job_name("overbits", job),
        project="overbits",
        agent="shell",
        task="true",
        state=JobState.COMPLETED if good else JobState.FAILED,
        created_at=created,
        attempt=1,
        started_at=started,
        ended_at=ended,
        duration_s=number + 1.0,
        outcome=outcome,
        exit_code=0 if good else 1,
        attempts=[attempt],
    )
