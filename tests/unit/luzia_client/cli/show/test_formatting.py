from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Job, JobState, Progress
from luzia_protocol.operations import Queues

from luzia_client.cli.show.formatting import (
    STATE_COLOURS,
    add_reason,
    describe_suspensions,
    format_agent,
    format_counts,
    format_duration,
    format_elapsed,
    format_relative,
    format_size,
    format_status,
    shown_percent,
)
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.tables import format_jobs_table
from unit.luzia_client.cli.conftest import MakeJob

PLAIN = Screen(width=80)


def test_the_summary_counts_active_jobs_as_running_unless_they_wait_for_an_answer() -> None:
    counts = {JobState.STARTING: 1, JobState.RUNNING: 1, JobState.WAITING: 1, JobState.COMPLETED: 12}
    assert format_counts(counts) == "Running: 2  Pending: 0  Completed: 12  Failed: 0  Cancelled: 0  Waiting: 1"


def test_the_summary_counts_held_jobs_apart_from_those_that_will_start() -> None:
    summary = format_counts({JobState.QUEUED: 5, JobState.WAITING: 1}, held=2)
    assert summary == "Running: 0  Pending: 3  Completed: 0  Failed: 0  Cancelled: 0  Held: 2  Waiting: 1"


def test_the_summary_names_unusual_states_only_when_there_are_any() -> None:
    assert format_counts({JobState.TIMED_OUT: 2}).endswith("Cancelled: 0  Timed out: 2")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0ms"),
        (0.0036, "4ms"),
        (0.44, "0.4s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (7620, "2h07m"),
        (273600, "3d04h"),
    ],
)
def test_durations_are_as_short_as_is_useful(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


def test_a_running_job_with_a_percentage_has_a_bar(make_job: MakeJob) -> None:
    job = make_job(progress=Progress(percent=60, label="tests"))
    assert format_status(job, PLAIN) == "running [██████░░░░] 60% tests"


def test_without_block_characters_the_bar_is_ascii(make_job: MakeJob) -> None:
    job = make_job(progress=Progress(percent=60))
    assert format_status(job, Screen(width=PLAIN.width, blocks=False)) == "running [######....] 60%"


def test_without_a_denominator_no_percentage_is_shown(make_job: MakeJob) -> None:
    assert format_status(make_job(progress=Progress(phase="tool Bash")), PLAIN) == "running tool Bash"


def test_a_job_that_has_not_completed_is_never_at_100_percent(make_job: MakeJob) -> None:
    job = make_job(progress=Progress(percent=100))
    assert format_status(job, PLAIN) == "running [█████████░] 99%"
    assert shown_percent(make_job(JobState.FAILED, progress=Progress(percent=100))) == 99
    assert shown_percent(make_job(JobState.COMPLETED, progress=Progress(percent=100))) == 100


def test_the_reason_stands_beside_the_state(make_job: MakeJob) -> None:
    assert format_status(make_job(JobState.FAILED, reason="exit code 1"), PLAIN) == "failed: exit code 1"
    waits = make_job(JobState.QUEUED, reason="waiting for a slot of project overbits (2 of 2 in use)")
    assert format_status(waits, PLAIN) == "queued for a slot of project overbits (2 of 2 in use)"
    held = make_job(JobState.QUEUED, reason="held since 10:00; release it with `luzia release a2f5`")
    assert format_status(held, PLAIN) == "queued: held since 10:00"
    assert format_status(make_job(JobState.QUEUED, reason=None), PLAIN) == "queued"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("usage limit of claude until 15:45", "queued until 15:45: usage limit of claude"),
        ("usage limit of claude until 2026-12-01 15:45", "queued until 12-01 15:45: usage limit of claude"),
        ("usage limit of claude until about 15:46, estimated", "queued until about 15:46: usage limit of claude"),
        ("the day's budget is used up until noon", "queued: the day's budget is used up until noon"),
    ],
)
def test_the_time_of_a_reset_is_not_cut_off_at_80_columns(make_job: MakeJob, reason: str, shown: str) -> None:
    job = make_job(JobState.QUEUED, reason=reason)
    assert format_status(job, PLAIN) == shown
    if reason.startswith("usage"):
        now, time = job.created_at, shown.partition(": ")[0]
        for live in (False, True):
            assert any(time in line for line in format_jobs_table([job], now, Screen(width=80), live=live))


def test_a_running_job_at_a_usage_limit_shows_its_reset(make_job: MakeJob, now: datetime) -> None:
    later = now + timedelta(days=3)
    limited = make_job(activity=Activity(limit="five hours", limit_resets_at=later), progress=Progress(percent=40))
    time = f"usage limit until {later.astimezone():%m-%d %H:%M}"
    assert format_status(limited, PLAIN, now) == time
    assert any(time in line for line in format_jobs_table([limited], now, Screen(width=80), live=True))


def test_text_from_a_job_cannot_steer_the_terminal(make_job: MakeJob) -> None:
    job = make_job(progress=Progress(label="\x1b[2J", phase="\x07"))
    assert "\x1b" not in format_status(job, PLAIN)
    assert "\x1b" not in format_status(make_job(JobState.FAILED, reason="\x1b]0;evil\x07"), PLAIN)


def test_the_clock_runs_from_the_start_to_the_end(make_job: MakeJob, now: datetime) -> None:
    assert format_elapsed(make_job(started=12), now) == "12s"
    assert format_elapsed(make_job(JobState.COMPLETED, started=72, ended=62), now) == "10s"
    assert format_elapsed(make_job(JobState.QUEUED), now) == "1m40s"
    assert format_elapsed(make_job(JobState.CANCELLED, ended=62), now) == "-"


def test_the_measured_duration_wins_over_the_wall_clock(make_job: MakeJob, now: datetime) -> None:
    job = make_job(JobState.COMPLETED, started=72, ended=62, duration_s=3.0)
    assert format_elapsed(job, now) == "3.0s"


def test_a_clock_that_went_back_shows_no_negative_time(make_job: MakeJob, now: datetime) -> None:
    assert format_elapsed(make_job(started=-50), now) == "0ms"


def test_every_state_has_a_colour() -> None:
    assert set(STATE_COLOURS) == set(JobState)


def test_sizes_have_units() -> None:
    assert [format_size(n) for n in (512, 34_200_000, 120_000_000, 2_500_000_000)] == [
        "512 B",
        "34.2 MB",
        "120 MB",
        "2.5 GB",
    ]


def test_a_job_is_what_the_wire_says(make_job: MakeJob) -> None:
    assert isinstance(make_job(), Job)


def test_a_reason_that_repeats_the_state_replaces_it() -> None:
    assert add_reason("failed", "exit code 1") == "failed: exit code 1"
    assert add_reason("cancelled", "cancelled before it started") == "cancelled before it started"
    assert add_reason("cancelled", "cancelled") == "cancelled"
    assert add_reason("lost", None) == "lost"


def test_only_the_agent_of_plain_commands_has_another_name() -> None:
    assert (format_agent("argv"), format_agent("claude")) == ("command", "claude")


def test_what_is_suspended_is_named_with_the_command_that_resumes_it() -> None:
    now = datetime(2026, 5, 4, 21, 0, tzinfo=UTC)
    queues = Queues(everything=now, projects={"api": now}, draining=now)
    since = f"{now.astimezone():%H:%M}"
    assert describe_suspensions(queues, now) == [
        (f"draining since {since}", "luzia drain --end"),
        (f"paused since {since}", "luzia resume --all"),
        (f"project api paused since {since}", "luzia resume --project api"),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (59, "now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (90000, "1 d ago"),
        (-7300, "in 2 h"),
    ],
)
def test_a_relative_time_has_one_unit(now: datetime, seconds: int, text: str) -> None:
    assert format_relative(now - timedelta(seconds=seconds), now) == text
