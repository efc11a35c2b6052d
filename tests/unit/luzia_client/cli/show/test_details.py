from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from luzia_protocol.jobs import Attempt, JobState, Outcome, Progress, Usage

from luzia_client.cli.show.details import describe_job
from luzia_client.cli.show.screen import Screen
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
