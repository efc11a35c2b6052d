"""What a person reads about schedules, on wide and narrow screens."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.jobs import JobState
from luzia_protocol.schedules import MissedPolicy, OverlapPolicy, Run, Schedule

from luzia_client.cli.show.schedules import describe_next_runs, describe_schedule, describe_schedules
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import width

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 25, 12, tzinfo=ZONE)
SCHEDULE = Schedule(
    name="nightly",
    cron="0 3 * * 1-5",
    timezone="Europe/Berlin",
    job=Dispatch(project="overbits", task="依存関係を更新する 🚀\x1b[31m and more" * 9, priority=5, tags={"a": "b"}),
    missed=MissedPolicy.ONCE,
    overlap=OverlapPolicy.SKIP,
    created_at=NOW,
    next=[NOW + timedelta(hours=15), NOW + timedelta(days=9)],
    last=Run(NOW - timedelta(hours=9), "030000-a2f5", JobState.TIMED_OUT),
    env_names=["TOKEN"],
)


@pytest.mark.parametrize("columns", [40, 80, 119, 120, 200])
def test_no_line_of_the_table_is_wider_than_the_screen_nor_steers_it(columns: int) -> None:
    lines = describe_schedules([SCHEDULE], NOW, Screen(columns))
    assert all(width(line) <= columns and "\x1b" not in line for line in lines)
    assert ("ZONE" in lines[0]) == (columns >= 120)


def test_a_narrow_screen_tells_how_the_last_run_ended_and_a_wide_one_which_job_it_was() -> None:
    assert describe_schedules([SCHEDULE], NOW, Screen(80))[1].startswith(
        "nightly  0 3 * * 1-5  Thu 03:00  timed out  依存"
    )
    assert "timed out 030000-a2f5 (Wed 03:00)" in describe_schedules([SCHEDULE], NOW, Screen(200))[1]
    skipped = msgspec.structs.replace(SCHEDULE, last=Run(NOW, note="skipped: job 030000-a2f5 of it had not ended"))
    assert "  skipped  依存" in describe_schedules([skipped], NOW, Screen(80))[1]
    assert "skipped: job 030000-a2f5 of it had not ended (Wed 12:00)" in describe_schedules([skipped], NOW, Screen())[1]


def test_what_needs_a_look_stands_out() -> None:
    failed = msgspec.structs.replace(SCHEDULE, last=Run(NOW, note="failed: project 'overbits' not found"))
    paused = msgspec.structs.replace(SCHEDULE, paused=True, next=[])
    never = msgspec.structs.replace(SCHEDULE, problem="unknown time zone 'Mars'", next=[])
    _, first, second, third = describe_schedules([failed, paused, never], NOW, Screen(80, colour=True))
    assert first.startswith("\x1b[31m")
    assert second.startswith("\x1b[33m")
    assert "paused" in second
    assert third.startswith("\x1b[31m")
    assert "never" in third


def test_everything_about_one_is_told() -> None:
    said = "\n".join(describe_schedule(SCHEDULE, NOW, Screen(80)))
    for words in (
        "0 3 * * 1-5, time zone Europe/Berlin",
        "Thu 2026-11-26 03:00:00 +0100, in 15h00m",
        "timed out 030000-a2f5 (Wed 03:00)",
        'tags={"a":"b"}, priority=5',
        "TOKEN",
        "missed runs are coalesced into one",
    ):
        assert words in said
    assert "\x1b" not in said


def test_a_paused_one_says_what_lets_it_run_again() -> None:
    paused = msgspec.structs.replace(SCHEDULE, paused=True, next=[])
    assert describe_next_runs(paused, NOW) == ["none: the schedule is paused; resume it with `luzia schedule resume`"]


def test_without_schedules_it_says_how_to_add_one() -> None:
    (line,) = describe_schedules([], NOW, Screen(80))
    assert "luzia schedule add" in line
