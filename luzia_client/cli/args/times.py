"""Durations and times as people write them: `90`, `2 hours`; `23:30`, `tomorrow 9am`, `2026-09-20T16:00:00+02:00`."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""The seconds of each unit."""
_UNIT = r"ms|[smhdw]|(?i:sec(?:ond)?s?|min(?:ute)?s?|hours?|days?|weeks?)"
_PART = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})(?![A-Za-z])\s*")
_TIME_OF_DAY = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)?\s*(am|pm)?")
_NAMED_TIMES = {"noon": "12:00", "midnight": "00:00"}
_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_DURATION_S = 1e9
_POSIX_ZONE = re.compile(r":?(<[A-Za-z0-9+-]+>|[A-Za-z]{3,})[+-]?\d.*")
_ZONE_DIRECTORIES = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")


def unknown_local_zone(text: str) -> str | None:
    """The zone of the variable TZ, if a text depends on it and the system does not know it: it would take UTC."""
    zone = os.environ.get("TZ", "")
    name = zone.removeprefix(":")
    if not name or name == "UTC" or _POSIX_ZONE.fullmatch(zone) or _has_zone(text):
        return None
    places = [os.environ["TZDIR"]] if os.environ.get("TZDIR") else _ZONE_DIRECTORIES
    return None if any(os.path.isfile(os.path.join(place, name)) for place in places) else zone


def _has_zone(text: str) -> bool:
    """Whether a text is a time in every zone: `in 2h`, or a date with an offset."""
    try:
        return text.strip().lower().startswith("in ") or datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        return False


def parse_duration_s(text: str) -> float:
    """Seconds from `90`, `0.5`, or parts with units: `1h30m`, `2 hours`. Raises ValueError unless they are above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _parse_units(text.strip())
    if not 0 < seconds < MAX_DURATION_S:
        raise ValueError(text)
    return seconds


def _parse_units(text: str) -> float:
    seconds, position = 0.0, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(text)
        unit = part[2].lower()
        seconds += float(part[1]) * (UNITS[unit] if unit in UNITS else UNITS[unit[0]])
        position = part.end()
    return seconds


def parse_time(text: str, now: datetime) -> datetime:
    """The next time that a text says, in local time: `23:30`, `noon`, `tomorrow 9am`, `mon 18:00`, `in 2h`, a date.

    now: aware. A day without a time of day begins at 00:00. Raises ValueError for anything else.
    """
    words = text.strip().lower()
    if words.startswith("in "):
        return (now + timedelta(seconds=parse_duration_s(words[3:]))).astimezone()
    if (spoken := _parse_day(words, now)) is None:
        return _parse_date(text)
    found, step_days = spoken
    return found if found > now or not step_days else _add_days(found, step_days)


def parse_past_time(text: str, now: datetime) -> datetime:
    """The last time that a text says: `2h`, `2h ago`, `09:00`, `yesterday`, `mon 18:00`, a date.

    now: aware. Raises ValueError for anything else.
    """
    words = text.strip().lower()
    try:
        return now - timedelta(seconds=parse_duration_s(words.removesuffix(" ago")))
    except OverflowError as exc:
        raise ValueError(text) from exc
    except ValueError:
        spoken = _parse_day(words, now)
    if spoken is None:
        return _parse_date(text)
    found, step_days = spoken
    return found if found <= now or not step_days else _add_days(found, -step_days)


def _parse_date(text: str) -> datetime:
    """A date and time; without an offset it is local. Raises ValueError."""
    try:
        date = datetime.fromisoformat(text.strip())
        return _at_local_time(date) if date.tzinfo is None else date.astimezone()
    except OverflowError as exc:
        raise ValueError(text) from exc


def _parse_day(words: str, now: datetime) -> tuple[datetime, int] | None:
    """The time on this day, or this week, that words such as `mon 18:00` say, and after how many days it is again.

    None for what is neither a day nor a time of day. Raises ValueError for a time of day that does not exist.
    """
    day, _, clock = words.partition(" ")
    if not _is_day(day):
        clock, _, day = words.rpartition(" ")
        if not _is_day(day):
            day, clock = "", words
    offset, step_days = 0, 1
    if day in _DAYS:
        offset, step_days = _DAYS[day], 0
    elif (weekday := parse_weekday(day)) is not None:
        offset, step_days = weekday - now.astimezone().weekday(), 7
    hour, minute, second = 0, 0, 0
    if clock := clock.strip():
        if day and clock.endswith("midnight"):  # it begins the day, or ends it
            return None
        if (time_of_day := parse_time_of_day(clock)) is None:
            return None
        hour, minute, second = time_of_day
    elif not day:
        return None
    today = now.astimezone().replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    return _at_local_time(today + timedelta(days=offset)), step_days


def _is_day(word: str) -> bool:
    return word in _DAYS or parse_weekday(word) is not None


def parse_weekday(word: str) -> int | None:
    """The number of a day of the week, of at least three letters in lower case; Monday is 0. None for other words."""
    if len(word) < 3:
        return None
    return next((number for number, name in enumerate(_WEEKDAYS) if name.startswith(word)), None)


def parse_time_of_day(words: str) -> tuple[int, int, int] | None:
    """Hour, minute and second of `9am`, `18:00`, `at 18:00`, `noon`, in lower case; None for what is no time of day.

    Raises ValueError for an hour that the 12-hour clock does not have.
    """
    clock = words.strip().removeprefix("at ")
    match = _TIME_OF_DAY.fullmatch(_NAMED_TIMES.get(clock, clock))
    if match is None or not (match[2] or match[4]):
        return None
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            raise ValueError(words)
        hour = hour % 12 + (12 if match[4] == "pm" else 0)
    return hour, minute, second


def explain_ambiguous(text: str, now: datetime) -> str:
    """What to write instead of words that people understand differently: `tonight`, `next friday`, `tomorrow midnight`.

    now: aware. The empty string for other words.
    """
    words = text.lower().split()
    if "tonight" in words:
        return "'tonight' is not an exact time. Write the hour, such as 20:00."
    if words[-1:] == ["midnight"] or words[:1] == ["midnight"]:
        return "A day has two midnights. Write 00:00 for the one that begins it, 23:59 for its end."
    if len(words) < 2 or words[0] not in ("next", "last") or (weekday := parse_weekday(words[1])) is None:
        return ""
    today = now.astimezone()
    if words[0] == "next":
        days = (weekday - today.weekday() - 1) % 7 + 1
        near, far = today + timedelta(days=days), today + timedelta(days=days + 7)
    else:
        days = (today.weekday() - weekday - 1) % 7 + 1
        near, far = today - timedelta(days=days), today - timedelta(days=days + 7)
    return f"It can mean two days. Write {near:%Y-%m-%d} or {far:%Y-%m-%d}."


def _add_days(time: datetime, days: int) -> datetime:
    """The same local time of day on another day, also when the clocks have changed in between."""
    return _at_local_time(time.replace(tzinfo=None) + timedelta(days=days))


def _at_local_time(time: datetime) -> datetime:
    """When the local clock shows a time, for the first time; right after the clock was set forward if it skips it.

    For a time that is skipped, `astimezone` is an hour early. time: naive.
    """
    late, early = time.timestamp(), time.replace(fold=1).timestamp()  # by the offset before a change, and after it
    if late <= early:
        return datetime.fromtimestamp(late).astimezone()
    offset = datetime.fromtimestamp(early).astimezone().utcoffset()
    while late - early > 1:
        middle = (late + early) // 2
        if datetime.fromtimestamp(middle).astimezone().utcoffset() == offset:
            early = middle
        else:
            late = middle
    return datetime.fromtimestamp(late // 1).astimezone()
