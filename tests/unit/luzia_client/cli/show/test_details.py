from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luzia_protocol.activity import Activity, PlanItem, Question, QuestionPart
from luzia_protocol.jobs import (
    Attempt,
    Budget,
    DiscardedWork,
    Job,
    JobState,
    Outcome,
    Progress,
    RunOf,
    Usage,
    Worktree,
)

from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.wire_jobs import fetch_job
from unit.luzia_client.cli.conftest import MakeJob

PLAIN = Screen(width=80)


def test_a_failed_job_says_why_and_what_to_do_next(make_job: MakeJob, now: datetime, tmp_path: Path) -> None:
    output = tmp_path / "1" / "stdout"
    output.parent.mkdir()
    output.touch()
    job = make_job(
        JobState.FAILED,
        started=72,
        ended=62,
        duration_s=10.0,
        attempt=1,
        exit_code=2,
        reason="exit code 2",
        usage=Usage(1.2, 0.1, 120_000_000),
        cwd="/srv/overbits",
        directory=str(tmp_path),
        env_names=["TOKEN"],
    )
    text = "\n".join(describe_job(job, now, PLAIN))
    for said in (
        "Job 113754-a2f5  failed",
        "agent:overbits:113754-a2f5",
        "Reason:        exit code 2",
        "Exit code:     2",
        "Duration:      10s",
        "Directory:     /srv/overbits",
        "CPU 1.2s user, 0.1s system; 120 MB",
        "Environment:   TOKEN",
        f"Output:        {output}",
        "    fix the login button",
        "luzia logs 113754-a2f5",
        "luzia retry 113754-a2f5",
    ):
        assert said in text
    assert "stderr" not in text


def test_a_queued_job_says_what_it_waits_for(make_job: MakeJob, now: datetime) -> None:
    text = "\n".join(
        describe_job(make_job(JobState.QUEUED, reason="waiting for a slot of agent claude (2 of 2 in use)"), now, PLAIN)
    )
    assert "Reason:        waiting for a slot of agent claude (2 of 2 in use)" in text
    assert "Queued for:    1m40s" in text
    assert "luzia cancel" in text
    assert "luzia logs" not in text


def test_a_running_job_shows_its_bar_and_what_it_was_computed_from(make_job: MakeJob, now: datetime) -> None:
    job = make_job(started=12, progress=Progress(percent=60, done=3, total=5, label="tests"))
    text = "\n".join(describe_job(job, now, PLAIN))
    assert "Progress:      [████████████░░░░░░░░] 60% tests (3 of 5)" in text
    assert "Running for:   12s" in text


def test_attempts_are_listed_when_there_is_more_than_one(make_job: MakeJob, now: datetime) -> None:
    first = Attempt(1, now - timedelta(seconds=90), outcome=Outcome.LOST, reason="the machine restarted")
    second = Attempt(2, now - timedelta(seconds=50), outcome=Outcome.COMPLETED, duration_s=3.0)
    lines = describe_job(make_job(JobState.COMPLETED, attempt=2, attempts=[first, second]), now, PLAIN)
    assert "      1  lost  the machine restarted" in lines
    assert "      2  completed  3.0s" in lines
    assert not any("Attempts" in line for line in describe_job(make_job(attempts=[first]), now, PLAIN))


def test_an_attempt_that_was_not_started_is_not_in_progress(make_job: MakeJob, now: datetime) -> None:
    attempts = [Attempt(1, now, reason="no node was told to run it"), Attempt(2, now)]
    lines = describe_job(make_job(attempt=2, attempts=attempts), now, PLAIN)
    assert "      1  not started  no node was told to run it" in lines
    assert "      2  in progress" in lines
    assert "      1  not started  no node was told to run it" in describe_job(
        make_job(JobState.QUEUED, attempt=1, attempts=attempts[:1]), now, PLAIN
    )


def test_a_line_that_is_too_long_is_divided_between_words_and_a_path_is_not(make_job: MakeJob, now: datetime) -> None:
    path = "/home/somebody/" + "/".join(["directory"] * 9)
    reason = "the agent has ended, and what it said last is more than fits in one line of a terminal"
    attempts = [
        Attempt(number, outcome=Outcome.FAILED, duration_s=3.0, reason=f"{reason} again and again") for number in (1, 2)
    ]
    job = make_job(JobState.FAILED, reason=reason, cwd=path, attempts=attempts, attempt=2)
    shown = describe_job(job, now, PLAIN)
    assert f"  Directory:     {path}" in shown
    assert max(len(line) for line in shown if path not in line) <= 80
    assert "\n".join(shown).split() == "\n".join(describe_job(job, now, Screen())).split()


def test_a_long_task_is_cut_with_a_hint(make_job: MakeJob, now: datetime) -> None:
    lines = describe_job(make_job(task="\n".join(f"line {n}" for n in range(100))), now, PLAIN)
    assert "    line 19" in lines
    assert "    line 20" not in lines
    assert any("100 lines" in line and "luzia jobs 113754-a2f5 --json" in line for line in lines)


def test_one_endless_line_is_cut_too(make_job: MakeJob, now: datetime) -> None:
    lines = describe_job(make_job(task="x" * 1_000_000), now, PLAIN)
    assert max(len(line) for line in lines) < 2100


def test_an_exact_command_is_shown_as_the_shell_would_take_it(make_job: MakeJob, now: datetime) -> None:
    lines = describe_job(make_job(argv=["make", "-j2", "two words"], task=""), now, PLAIN)
    assert "    make -j2 'two words'" in lines


def test_no_escape_of_a_job_gets_through(make_job: MakeJob, now: datetime) -> None:
    evil = "\x1b[2J\x07"
    job = make_job(JobState.FAILED, project=evil, task=evil, reason=evil, cwd=evil, key=evil, env_names=[evil])
    assert "\x1b" not in "".join(describe_job(job, now, PLAIN))


@pytest.mark.parametrize("state", JobState)
def test_a_job_is_shown_alike_as_a_struct_and_as_received(make_job: MakeJob, now: datetime, state: JobState) -> None:
    """`luzia jobs ID` shows what it receives without the structs of the protocol."""
    tree = Worktree("/w", "/w", "luzia/1", "0" * 40, "main", "/srv")
    part = QuestionPart("Which one?", ["a", "b"], many=True, descriptions=["the first", "the second"])
    question = Question("1", "question", "Ask", "why", [part])
    activity = Activity(
        session="s",
        phase="tool Bash",
        phase_at=now,
        turns=2,
        tools={"Bash": 3},
        files=["/a"],
        file_count=1,
        plan=[PlanItem("step", "completed"), PlanItem("next", "pending")],
        plan_done=1,
        plan_total=1,
        tokens_in=10,
        tokens_out=5,
        cost_usd=0.5,
        limit="reached",
        limit_resets_at=now,
        last_sign_at=now,
        asked=[question, question],
    )
    attempts = [Attempt(number, now, now, now, outcome=Outcome.FAILED, activity=activity) for number in (1, 2)]
    full = {
        "attempts": attempts,
        "activity": activity,
        "question": question,
        "worktree": tree,
        "discarded": DiscardedWork(tree, "1" * 40, now),
        "budget": Budget(2.5, 40),
        "run_of": RunOf("nightly", now),
        "children": {JobState.RUNNING: 1},
        "tags": {"key": "value"},
        "needs": {"gpu": 1},
        "after": ["a"],
        "after_any": ["b"],
        "after_fail": ["c"],
        "args": ["--effort=high"],
        "env_names": ["TOKEN"],
        "usage": Usage(1.2, 0.1, 120_000_000),
        "progress": Progress(percent=50, done=1, total=2, label="tests"),
        "held_at": now,
    }
    for more in ({}, full):
        job = make_job(state, **more)
        received, raw = receive(job)
        assert describe_job(received, now, PLAIN) == describe_job(job, now, PLAIN)
        older = {name: raw[name] for name in OLDEST_FIELDS}
        assert describe_job(receive(older)[0], now, PLAIN)


OLDEST_FIELDS = ("id", "name", "project", "agent", "task", "state", "created_at", "cwd")


def receive(job: object) -> tuple[Job, dict[str, Any]]:
    """A job as the client reads it from a daemon's reply."""
    reply = msgspec.json.encode({"ok": {"job": job}})
    return fetch_job("113754-a2f5", lambda _: reply)
