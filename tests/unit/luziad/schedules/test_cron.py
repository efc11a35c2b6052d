"""CronExpression expressions: what they mean in a zone, also on the days on which its clock is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from luziad.schedules.cron import SHORTHANDS, CronError, CronExpression

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Chatham",
]
BERLIN = ZoneInfo("Europe/Berlin")


def moment(text: str, zone: ZoneInfo = BERLIN) -> float:
    """Epoch seconds of a time that the zone's clock shows."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def shown(expression: str, after: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next moments, as the zone's clock shows them, with its offset."""
    found = islice(CronExpression(expression).times_after(moment(after, zone), zone), count)
    return [datetime.fromtimestamp(each, zone).isoformat(" ") for each in found]


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """A field: all, one, some, a range, steps."""
    one = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        one.map(str),
        st.lists(one, min_size=2, max_size=3).map(lambda values: ",".join(map(str, values))),
        st.tuples(one, one).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.integers(2, 20).map(lambda step: f"*/{step}"),
    )


FIELDS = st.tuples(numbers(0, 59), numbers(0, 23), numbers(1, 28), numbers(1, 12), numbers(0, 7)).map(" ".join)
SINCE_2020 = st.integers(1_577_836_800, 1_893_456_000).map(float)


@given(FIELDS, SINCE_2020, st.sampled_from(ZONES))
def test_the_next_moments_strictly_grow(expression: str, after: float, zone: str) -> None:
    found = list(islice(CronExpression(expression).times_after(after, ZoneInfo(zone)), 5))
    assert all(earlier < later for earlier, later in zip([after, *found], found, strict=False))


@given(FIELDS, SINCE_2020, st.sampled_from(ZONES), st.floats(0, 1))
def test_no_moment_is_passed_over_wherever_one_begins_to_look(
    expression: str, after: float, zone: str, part: float
) -> None:
    cron = CronExpression(expression)
    found = cron.next_after(after, ZoneInfo(zone))
    if found is not None:
        between = after + (found - after) * part
        assert between >= found or cron.next_after(between, ZoneInfo(zone)) == found


@settings(max_examples=40)
@given(
    st.sampled_from(["*/15 * * * *", "0 */2 * * *", "*/20 0-3 * * *", "*/10 2 * * *", "* 1,3 * * SUN", "7 */3 * * *"]),
    st.sampled_from(
        [
            ("Europe/Berlin", "2026-03-29"),
            ("Europe/Berlin", "2026-10-25"),
            ("America/New_York", "2026-11-01"),
            ("Australia/Lord_Howe", "2026-04-05"),
            ("Australia/Lord_Howe", "2026-10-04"),
            ("America/Santiago", "2026-09-06"),
            ("Africa/Cairo", "2026-04-24"),
            ("Pacific/Chatham", "2026-09-27"),
        ]
    ),
)
def test_what_recurs_goes_by_the_clock_as_it_is(expression: str, day: tuple[str, str]) -> None:
    zone = ZoneInfo(day[0])
    begin = int(moment(f"{day[1]} 12:00", zone)) - 86400
    fits = CronSim(expression, datetime.fromtimestamp(0, UTC).replace(tzinfo=None))
    expected = []
    for each in range(begin + 60, begin + 2 * 86400 + 1, 60):
        here = datetime.fromtimestamp(each, zone)
        if here.minute in fits.minutes and here.hour in fits.hours and fits.match_day(here.date()):
            expected.append(float(each))
    assert CronExpression(expression).latest_times(begin, begin + 2 * 86400, 10_000, zone) == expected


@given(FIELDS, SINCE_2020, st.integers(0, 40 * 86400), st.integers(1, 20), st.sampled_from(ZONES[:4]))
@settings(max_examples=60, deadline=None)
def test_the_latest_moments_are_the_last_of_all(expression: str, after: float, span: int, most: int, zone: str) -> None:
    cron, until = CronExpression(expression), after + span
    found = cron.latest_times(after, until, most, ZoneInfo(zone))
    head = list(islice(cron.times_after(after, ZoneInfo(zone)), 200))
    if len(head) < 200 or head[-1] > until:
        every = [each for each in head if each <= until]
        assert found == every[-most:]
    else:
        assert len(found) == most
        following = list(islice(cron.times_after(found[0], ZoneInfo(zone)), most))
        assert found[1:] == following[:-1]  # none is left out between them
        assert following[-1] > until  # nor after them


def test_a_time_of_day_in_the_hour_that_is_skipped_comes_right_after_it() -> None:
    assert shown("30 2 * * *", "2026-03-28 12:00", 2) == ["2026-03-29 03:00:00+02:00", "2026-03-30 02:30:00+02:00"]
    assert shown("0 30 2 * * *", "2026-03-28 12:00", 1) == ["2026-03-29 03:00:00+02:00"]
    assert shown("0,30 2 * * *", "2026-03-28 12:00", 2) == ["2026-03-29 03:00:00+02:00", "2026-03-30 02:00:00+02:00"]


def test_a_time_of_day_in_the_hour_that_is_repeated_comes_the_first_time_only() -> None:
    expected = ["2026-10-25 02:30:00+02:00", "2026-10-26 02:30:00+01:00"]
    assert shown("30 2 * * *", "2026-10-24 12:00", 2) == expected
    # Also for whoever looks from within the second one of these hours.
    within = moment("2026-10-25 03:00") - 1800
    found = CronExpression("45 2 * * *").next_after(within, BERLIN)
    assert found == moment("2026-10-26 02:45")


def test_a_midnight_that_is_skipped_comes_at_one() -> None:
    santiago = ZoneInfo("America/Santiago")
    assert shown("@daily", "2026-09-05 12:00", 1, santiago) == ["2026-09-06 01:00:00-03:00"]


def test_a_clock_that_moves_by_half_an_hour_is_understood() -> None:
    island = ZoneInfo("Australia/Lord_Howe")
    assert shown("0 2 * * *", "2026-10-03 12:00", 1, island) == ["2026-10-04 02:30:00+11:00"]
    assert shown("*/30 1-2 * * *", "2026-04-05 01:00", 3, island) == [
        "2026-04-05 01:30:00+11:00",
        "2026-04-05 01:30:00+10:30",
        "2026-04-05 02:00:00+10:30",
    ]


def test_a_whole_day_that_a_zone_skipped_is_made_up_for_at_its_end() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert shown("0 9 30 12 *", "2011-12-01 00:00", 1, apia) == ["2011-12-31 00:00:00+14:00"]


def test_the_day_of_the_month_and_of_the_week_are_alternatives_unless_one_begins_with_a_star() -> None:
    utc = ZoneInfo("UTC")
    first_or_monday = shown("0 9 1 * MON", "2026-06-25 00:00", 3, utc)
    assert [each[:10] for each in first_or_monday] == ["2026-06-29", "2026-07-01", "2026-07-06"]
    both = shown("0 9 */1 * MON", "2026-06-25 00:00", 2, utc)
    assert [each[:10] for each in both] == ["2026-06-29", "2026-07-06"]


@pytest.mark.parametrize("shorthand", SHORTHANDS)
def test_a_shorthand_is_what_it_stands_for(shorthand: str) -> None:
    after = moment("2026-05-05 05:05")
    whole = CronExpression(SHORTHANDS[shorthand])
    assert CronExpression(shorthand.upper()).next_after(after, BERLIN) == whole.next_after(after, BERLIN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "fields in '': 0;"),
        ("* * * *", ": 4; use 5"),
        ("* * * * * * *", ": 7; use 5"),
        ("60 * * * *", "invalid minute '60' in the first field; use 0 to 59"),
        ("0 1,25 * * *", "invalid hour '25' in '1,25' in the second field; use 0 to 23"),
        ("0 0 0 * *", "invalid day of the month '0' in the third field"),
        ("0 0 1 FOO *", "invalid month 'FOO' in the fourth field; use 1 to 12, or JAN to DEC"),
        ("0 0 1 1 MON#6", "in the fifth field"),
        ("0 0 1 1 MON#2/2", "in the fifth field"),
        ("61 * * * * *", "invalid second"),
        ("* 5-1 * * *", "invalid hour '5-1' in the second field"),
        ("*/0 * * * *", "invalid minute '*/0'"),
        ("0 0 30 2 *", "never matches"),
        ("@fortnightly", "use one of @hourly"),
        ("0 " * 200, "400 characters"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(CronError) as raised:
        CronExpression(text)
    assert words in str(raised.value)


@given(st.text("0123456789*/,-#LWMONJAN@ \t²\x00é", max_size=40))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    try:
        cron = CronExpression(text)
    except CronError:
        return
    found = cron.next_after(1.8e9, BERLIN)
    assert found is None or found > 1.8e9


def test_a_day_that_is_years_away_is_found() -> None:
    assert CronExpression("0 0 31 4,6 MON#5,MON").next_after(1.8e9, BERLIN) is not None
    assert CronExpression("* * 29 2 *").next_after(1.8e9, BERLIN) == moment("2028-02-29 00:00")
