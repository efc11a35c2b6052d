"""When a usage limit is over, from the words of the agents."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luziad.agents.failure_causes import find_cause, is_usage_limit
from luziad.agents.usage_reset import parse_reset_time
from luziad.jobs.attempt import FailureCause
from support import ROOT

HERE = datetime.now(UTC).astimezone()
NOON = HERE.replace(month=9, day=18, hour=12, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()
RECORDINGS = ROOT / "tests" / "data" / "recordings"


def after(words: str, now: datetime = NOON) -> timedelta | None:
    moment = parse_reset_time(words, now.timestamp())
    return None if moment is None else timedelta(seconds=moment - now.timestamp())


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("You've hit your session limit · resets 3:45pm", 3.75),
        ("You've hit your usage limit. Upgrade to Pro or try again at 3:29 PM.", 3.5),
        ("You've hit your usage limit. Try again at 9:00 AM.", 21 + 1 / 60),
        ("usage limit reached, resets 3pm", 3),
        ("5-hour limit reached ∙ resets 12am", 12),
        ("resets at 12:30 p.m.", 0.5),
        ("Your limit resets at 15:00", 3),
        ("try again in 2 days 17 hours", 65),
        ("Try again in 3 hours, 20 minutes and 6 seconds.", 3 + 20 / 60 + 6 / 3600),
        ("try again in 45m", 0.75),
        ("resets Sep 20, 4pm", 52),
        ("resets Sep 20 at 4:30pm", 52.5),
    ],
)
def test_the_words_of_agents_name_a_moment(words: str, hours: float) -> None:
    assert after(words) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Your quota will reset at 2026-09-21T00:00:00-07:00", "2026-09-21T00:00:00-07:00"),
        ("limit resets at 2026-09-21 00:00-0430", "2026-09-21T00:00:00-04:30"),
        ("Quota resets midnight Pacific time", "2026-09-21T00:00:00-07:00"),
        ("Quota resets at 9pm (Eastern Standard Time)", "2026-09-20T21:00:00-04:00"),
        ("available again from Mon 21 Sep 2026 09:00 CET", "2026-09-21T09:00:00+02:00"),
        ("resets Sunday, September 20 at 10 PM UTC", "2026-09-20T22:00:00+00:00"),
        ("Resets Sunday 20 September 2026 at 22:00 UTC", "2026-09-20T22:00:00+00:00"),
        ("resets the day after tomorrow at 9am UTC", "2026-09-22T09:00:00+00:00"),
        ("resets 9am UTC the day after tomorrow", "2026-09-22T09:00:00+00:00"),
        ("resets 10:00 a. m. (EST)", "2026-09-20T10:00:00-04:00"),
        ("resets 10:00\u202fp.\u00a0m. UTC", "2026-09-20T22:00:00+00:00"),
        ("try again in one hour", "2026-09-20T12:00:00+00:00"),
        ("try again in two days and three hours", "2026-09-22T14:00:00+00:00"),
    ],
)
def test_a_time_is_read_with_all_that_stands_beside_it(words: str, expected: str) -> None:
    now = datetime(2026, 9, 20, 11, tzinfo=UTC)
    found = parse_reset_time(words, now.timestamp())
    assert found is not None
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("You've used all your premium requests for this month.", FailureCause.USAGE_LIMIT),
        ("You have used up your monthly messages.", FailureCause.USAGE_LIMIT),
        ("usage paused until Sep 21 7am", FailureCause.USAGE_LIMIT),
        ("usage has been paused for this account", FailureCause.ACCOUNT),
        ("Too many concurrent sessions", FailureCause.OVERLOAD),
    ],
)
def test_an_allowance_is_known_by_what_was_done_with_it(words: str, cause: FailureCause) -> None:
    assert find_cause("claude", words) is cause


def test_a_whole_date_is_taken_as_it_stands() -> None:
    now = datetime(2026, 9, 18, 12).astimezone()
    found = parse_reset_time("try again at Sep 20th, 2026 4:00 PM.", now.timestamp())
    assert found == datetime(2026, 9, 20, 16, 1).timestamp()  # noqa: DTZ001


def test_a_named_zone_counts() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    found = after("You've hit your limit · resets 3:45pm (America/Los_Angeles)", now)
    assert found == timedelta(hours=11, minutes=45)
    assert after("resets 3:45pm (Middle/Earth)", now) is not None


def test_an_epoch_and_a_machines_date_count() -> None:
    now = NOON.timestamp()
    assert parse_reset_time(f"Claude AI usage limit reached|{int(now) + 60}", now) == int(now) + 60
    soon = datetime.fromtimestamp(int(now) + 90, UTC)
    assert parse_reset_time(f"available again on {soon.isoformat()}", now) == soon.timestamp()


def test_a_time_that_is_just_over_is_not_tomorrows() -> None:
    assert after("resets 11:55am") == timedelta(minutes=-5)
    assert after("resets 11:30am") == timedelta(hours=23, minutes=30)


def test_just_after_midnight_the_last_minute_of_yesterday_is_just_over() -> None:
    midnight = NOON.replace(hour=0, tzinfo=None).astimezone()
    assert after("resets 11:59 PM.", midnight) == timedelta(minutes=-1)


def test_a_time_that_is_cut_to_the_minute_means_its_end() -> None:
    assert after("try again at 12:00 PM.") == timedelta(minutes=1)
    assert after("resets 12:05pm") == timedelta(minutes=5)


def test_a_date_that_has_passed_tells_nothing() -> None:
    assert after("resets Sep 16, 4pm") is None
    assert after(f"Claude AI usage limit reached|{int(NOON.timestamp()) - 3600}") is None


@pytest.mark.parametrize(
    "words",
    [
        "",
        "You exceeded your current quota, please check your plan and billing details.",
        "try again later",
        "resets 25:00",
        "resets 13pm",
        "resets Feb 30, 4pm",
        "try again at 4",
        "Reconnecting... 2/5",
        "try again in 3000 days",
    ],
)
def test_what_names_no_moment_is_none(words: str) -> None:
    assert after(words) is None


@given(st.text(max_size=300), st.floats(0, 4e9))
def test_it_never_fails_and_never_names_what_cannot_be_meant(words: str, now: float) -> None:
    found = parse_reset_time(words, now)
    assert found is None or -601 < found - now < 367 * 86400


ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"])


@given(st.floats(1.5e9, 2.5e9), st.integers(0, 23), st.integers(0, 59), ZONES, st.booleans())
def test_a_time_of_day_is_found_again_in_its_zone(now: float, hour: int, minute: int, zone: str, half: bool) -> None:
    text = f"{hour % 12 or 12}:{minute:02}{'ap'[hour >= 12]}m" if half else f"{hour}:{minute:02}"
    found = parse_reset_time(f"You've hit your session limit · resets {text} ({zone})", now)
    assert found is not None
    there = datetime.fromtimestamp(found, ZoneInfo(zone))
    gap = there.replace(tzinfo=None) - there.replace(hour=hour, minute=minute, tzinfo=None)
    assert abs(gap) in (timedelta(0), timedelta(hours=1))  # an hour where the clock is put forward
    assert -600 <= found - now <= 26 * 3600


@given(st.integers(0, 30), st.integers(0, 23), st.integers(1, 59))
def test_a_span_is_the_sum_of_its_parts(days: int, hours: int, minutes: int) -> None:
    found = after(f"try again in {days} days {hours} hours {minutes} minutes")
    assert found == timedelta(days=days, hours=hours, minutes=minutes)


def test_the_limit_that_codex_was_seen_with_has_its_moment() -> None:
    words = (RECORDINGS / "codex" / "error-usage-limit.stdout").read_text()
    assert is_usage_limit("codex", words.partition("message")[2])
    assert re.search(r"again at 9:44 PM", words)
    assert after(words) == timedelta(hours=9, minutes=45)


@pytest.mark.parametrize(
    "words",
    [
        "API Error: 529 Overloaded",
        "API Error: Request rejected (429) · Rate limit reached for requests. Please try again later.",
        "exceeded retry limit, last status: 429 Too Many Requests",
        "Server is temporarily limiting requests (not your usage limit)",
        "We're currently experiencing high demand, which may cause temporary errors.",
    ],
)
def test_a_busy_server_is_told_apart_from_a_limit(words: str) -> None:
    assert find_cause("claude", words) is FailureCause.OVERLOAD


def test_other_failures_are_no_overload() -> None:
    assert find_cause("claude", "4290 files changed") is None
    assert find_cause("claude", "API Error: 401 invalid x-api-key") is FailureCause.CREDENTIALS


@pytest.mark.parametrize(
    "words",
    [
        "You have reached the maximum number of requests for today.",
        "You have no messages left today",
        "Max usage reached for this billing period",
    ],
)
def test_words_that_name_an_allowance_without_a_time_are_suspected(words: str) -> None:
    assert find_cause("gemini", words) is FailureCause.SUSPECTED
    assert find_cause("gemini", f"{words} (resets at 9 PM)") is FailureCause.USAGE_LIMIT
