"""Intervals as people write them, as cron expressions: `10m`, `hour`, `day 9am`, `weekday 9:30`, `mon 18:00`."""

from __future__ import annotations

import shlex

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.times import parse_duration_s, parse_time_of_day, parse_weekday

_UNITS = ("minute", "hour", "day", "week")
_FORMS = (
    "Use 1m to 30m that divide an hour, 1h to 12h that divide a day, 1d, 1w, 'day 9am', 'mon 18:00' or 'weekday 9am';"
)
_HINT = f"{_FORMS} or --cron."


def parse_interval(text: str) -> str:
    """The cron expression of an interval. Raises UsageError for one that has none."""
    words = " ".join(text.lower().split())
    try:
        return _of_day(words) or _of_duration(f"1 {words}" if words in _UNITS else words)
    except ValueError as exc:
        raise UsageError(f"--every: invalid interval '{text}'", _HINT) from exc


def refuse_split(interval: str, rest: list[str]) -> None:
    """Refuse `--every day 9am`, whose time of day would begin the task. rest: the words after the options.

    Raises UsageError.
    """
    try:
        is_time = (
            bool(rest) and _days_of(interval.lower()) is not None and parse_time_of_day(rest[0].lower()) is not None
        )
    except ValueError:
        return
    if is_time:
        together = shlex.quote(f"{interval} {rest[0]}")
        hint = f"Quote them: --every {together}. If the task begins with '{rest[0]}', put `--` before it."
        raise UsageError(f"--every: '{interval}' and '{rest[0]}' are two words", hint)


def _days_of(word: str) -> str | None:
    """The days of the week of a cron expression: `*` for `day`, `1-5` for `weekday`; None for other words."""
    known = {"day": "*", "weekday": "1-5", "weekdays": "1-5"}
    if (number := parse_weekday(word)) is not None:
        return str((number + 1) % 7)
    return known.get(word)


def _of_day(words: str) -> str | None:
    """The expression of days at a time of day; None for what is no day. Raises ValueError."""
    day, _, clock = words.partition(" ")
    if (days := _days_of(day)) is None or words == "day":
        return None
    time_of_day = parse_time_of_day(clock) if clock else (0, 0, 0)
    if time_of_day is None:
        raise ValueError(words)
    hour, minute, second = time_of_day
    if hour > 23 or minute > 59 or second:
        raise ValueError(words)
    return f"{minute} {hour} * * {days}"


def _of_duration(span: str) -> str:
    """The expression of a duration. Raises ValueError, and UsageError if it divides no hour, day or week."""
    seconds = parse_duration_s(span)
    minutes, hours = seconds / 60, seconds / 3600
    if minutes == 1:
        return "* * * * *"
    if minutes.is_integer() and minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes:.0f} * * * *"
    if hours.is_integer() and hours < 24 and 24 % hours == 0:
        return "0 * * * *" if hours == 1 else f"0 */{hours:.0f} * * *"
    if hours == 24:
        return "0 0 * * *"
    if hours == 24 * 7:
        return "0 0 * * 1"
    unit = " seconds" if span.replace(".", "", 1).isdigit() else ""
    raise UsageError(f"--every: {span}{unit} does not divide an hour, a day or a week", _HINT)
