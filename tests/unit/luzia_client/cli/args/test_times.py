"""Durations and times are parsed in the formats that people write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from time import tzset

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_client.cli.args.command_line import parse_dispatch
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.times import explain_ambiguous, parse_duration_s, parse_past_time, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), ("0.5", 0.5), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("1w", 604800), ("500ms", 0.5)),
        *(("2 hours", 7200), ("1 hour 30 minutes", 5400), ("90min", 5400), ("5 Mins", 300), ("1 week 2 days", 777600)),
        *(("10 seconds", 10), ("1 sec", 1), ("1h 30 min", 5400)),
    ],
)
def test_a_duration_is_seconds_or_parts_with_units(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "0",
        "-1",
        "nan",
        "inf",
        "5x",
        "m",
        "1h 30",
        "0m",
        "9999999w",
        "2 months",
        "3 minutess",
        "2 hours ago",
        "hours",
        "5 mss",
        "5 hourss",
        "1 year",
        "2 mon",
    ],
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration_s(text)


@given(st.floats(1e9, 4e9), st.times())
def test_a_time_of_day_is_the_next_one(epoch_s: float, time_of_day: time) -> None:
    now = datetime.fromtimestamp(epoch_s, UTC)
    found = parse_time(f"{time_of_day:%H:%M}", now)
    assert found.tzinfo is not None
    assert now < found <= now + timedelta(hours=26)


def test_a_date_with_an_offset_keeps_its_offset() -> None:
    found = parse_time("2026-09-20T16:00:00+02:00", datetime.now(UTC))
    assert found == datetime(2026, 9, 20, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["25:00", "12:60", "noonish", "2026-13-01", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:59"]
)
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="invalid time"):
        parse_dispatch([f"--at={text}", "p", "x"], "dispatch")


@pytest.mark.parametrize("text", ["yesterday", "2020-02-29 09:00", "2020-02-29T09:00:00Z"])
def test_a_start_time_that_has_passed_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="has already passed") as caught:
        parse_dispatch([f"--at={text}", "p", "x"], "dispatch")
    assert caught.value.hint.startswith("Omit --at to start the job now.")


def test_a_start_time_of_just_now_is_accepted() -> None:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    assert parse_dispatch([f"--at={moment}", "p", "x"], "dispatch").fields == {"not_before": moment}


def test_a_past_time_before_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="999999999d"):
        parse_past_time("999999999d", datetime.now(UTC))


def test_a_job_has_one_start_time() -> None:
    assert parse_dispatch(["--in", "10m", "p", "x"], "dispatch").fields == {"start_in_s": 600}
    with pytest.raises(UsageError, match="given twice"):
        parse_dispatch(["--in", "10m", "--at", "23:30", "p", "x"], "dispatch")
    with pytest.raises(UsageError, match="given twice"):
        parse_dispatch(["--in", "10m", "--in", "20m", "p", "x"], "dispatch")


WEDNESDAY = datetime(2026, 11, 25, 14, 30).astimezone()


def local(*fields: int) -> datetime:
    return datetime(*fields).astimezone()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in 2h", local(2026, 11, 25, 16, 30)),
        ("in 90 minutes", local(2026, 11, 25, 16)),
        ("In 2 days", local(2026, 11, 27, 14, 30)),
        ("9am", local(2026, 11, 26, 9)),
        ("9:15 PM", local(2026, 11, 25, 21, 15)),
        ("12am", local(2026, 11, 26)),
        ("12pm", local(2026, 11, 26, 12)),
        ("tomorrow", local(2026, 11, 26)),
        ("Tomorrow 9am", local(2026, 11, 26, 9)),
        ("tomorrow at 18:00", local(2026, 11, 26, 18)),
        ("today 18:00", local(2026, 11, 25, 18)),
        ("mon 18:00", local(2026, 11, 30, 18)),
        ("wed 18:00", local(2026, 11, 25, 18)),
        ("wednesday 9am", local(2026, 12, 2, 9)),
        ("fri", local(2026, 11, 27)),
        ("noon", local(2026, 11, 26, 12)),
        ("midnight", local(2026, 11, 26)),
        ("tomorrow at noon", local(2026, 11, 26, 12)),
        ("Noon tomorrow", local(2026, 11, 26, 12)),
        ("9 pm fri", local(2026, 11, 27, 21)),
    ],
)
def test_a_time_is_the_next_that_the_words_say(text: str, found: datetime) -> None:
    assert parse_time(text, WEDNESDAY) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2h ago", local(2026, 11, 25, 12, 30)),
        ("2 days ago", local(2026, 11, 23, 14, 30)),
        ("1 week", local(2026, 11, 18, 14, 30)),
        ("yesterday", local(2026, 11, 24)),
        ("yesterday 9am", local(2026, 11, 24, 9)),
        ("today", local(2026, 11, 25)),
        ("mon", local(2026, 11, 23)),
        ("wed 18:00", local(2026, 11, 18, 18)),
        ("15:00", local(2026, 11, 24, 15)),
        ("noon", local(2026, 11, 25, 12)),
        ("midnight", local(2026, 11, 25)),
        ("18:00 mon", local(2026, 11, 23, 18)),
    ],
)
def test_a_past_time_is_the_last_that_the_words_say(text: str, found: datetime) -> None:
    assert parse_past_time(text, WEDNESDAY) == found


@pytest.mark.parametrize("text", ["13am", "0pm", "tomorrow 9", "tomorrow 25:00", "mo", "someday", "in", "in soon", "9"])
def test_words_that_say_no_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text, WEDNESDAY)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("tonight", "Write the hour, such as 20:00."),
        ("tonight 9pm", "Write the hour, such as 20:00."),
        ("tomorrow midnight", "Write 00:00 for the one that begins it, 23:59 for its end."),
        ("Next Friday", "Write 2026-11-27 or 2026-12-04."),
        ("next wed", "Write 2026-12-02 or 2026-12-09."),
        ("last monday", "Write 2026-11-23 or 2026-11-16."),
        ("last wed", "Write 2026-11-18 or 2026-11-11."),
        ("next week", ""),
        ("someday", ""),
    ],
)
def test_words_of_two_meanings_are_refused_with_what_to_write(text: str, instead: str) -> None:
    for parse in (parse_time, parse_past_time):
        with pytest.raises(ValueError):
            parse(text, WEDNESDAY)
    found = explain_ambiguous(text, WEDNESDAY)
    assert found.endswith(instead)
    assert bool(found) == bool(instead)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--at", "2h"], "For a delay, write --in 2h."),
        (["--at", "2 hours"], "For a delay, write --in '2 hours'."),
        (["--at", "tonight"], "'tonight' is not an exact time. Write the hour, such as 20:00. For example: --at 23:30"),
        (["--in", "23:30"], "For a time, write --at 23:30."),
        (["--in", "tomorrow 9am"], "For a time, write --at 'tomorrow 9am'."),
    ],
)
def test_a_delay_and_a_time_in_each_others_place_are_told_apart(words: list[str], hint: str) -> None:
    with pytest.raises(UsageError, match=f"{words[0]}: invalid (time|duration)") as caught:
        parse_dispatch([*words, "p", "x"], "dispatch")
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("zone", ["Europe/Berlni", ":Nonsense/Zone", "/etc/no-such-zone", "berlin"])
def test_a_start_time_in_a_zone_that_does_not_exist_is_refused_and_not_taken_for_utc(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    for text in ("12:00", "tomorrow 9am", "2100-01-01T12:00"):
        with pytest.raises(UsageError, match=r"unknown time zone .* in the variable TZ"):
            parse_dispatch([f"--at={text}", "p", "x"], "dispatch")
    for text in ("in 2h", "2100-01-01T12:00:00+02:00", "2100-01-01T12:00Z"):
        assert parse_dispatch([f"--at={text}", "p", "x"], "dispatch").fields["not_before"]


@pytest.mark.parametrize("zone", ["", ":", "UTC", "UTC0", "EST5EDT,M3.2.0,M11.1.0", "<+0330>-3:30", "CET-1CEST"])
def test_a_start_time_follows_every_form_of_tz(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    assert parse_dispatch(["--at=12:00", "p", "x"], "dispatch").fields["not_before"]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock is set from 02:00 to 03:00 on 2027-03-28, and from 03:00 to 02:00 on 2027-10-31."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        tzset()
        yield
    tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("minute", ["00:00", "00:01", "30:00", "59:59"])
def test_a_time_that_the_clock_skips_is_right_after_it_as_for_schedules(minute: str) -> None:
    after = datetime(2027, 3, 28, 1, tzinfo=UTC)
    before = datetime(2027, 3, 27, 23, 30, tzinfo=UTC)
    assert parse_time(f"2027-03-28T02:{minute}", before) == after
    assert parse_time(f"02:{minute}", before) == after
    assert parse_time(f"sunday 02:{minute}", before) == after
    assert parse_time("02:30", datetime(2027, 3, 27, 3, tzinfo=UTC)) == after, "a day later"
    assert parse_past_time(f"02:{minute}", after + timedelta(hours=1)) == after


@pytest.mark.usefixtures("berlin")
def test_a_time_that_the_clock_shows_twice_is_the_first() -> None:
    now = datetime(2027, 10, 30, 23, tzinfo=UTC)
    assert parse_time("2027-10-31T02:30", now) == parse_time("02:30", now) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert parse_time("03:00", now) == datetime(2027, 10, 31, 2, tzinfo=UTC)
    assert parse_time("2027-03-28T03:00", now) == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert parse_time("2027-03-28T01:59:59.5", now) == datetime(2027, 3, 28, 0, 59, 59, 500_000, tzinfo=UTC)
