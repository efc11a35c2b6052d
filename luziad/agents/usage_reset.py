"""Parses the end of a usage limit in a message: `again at 3:29 PM`, `resets Sep 20, 4pm`, `in 2 days 17 hours`.

The formats come from the agents' sources and from recorded output. A time of day without a zone is local. Pure.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_RECENT_S = 600.0
"""A time of day this recent is taken as passed, not as tomorrow's, since agents round."""
_MAX_DISTANCE_S = 40 * 86400.0

_CLOCK = r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::\d\d)?)?\s*(?P<half>[ap]\.?m\b\.?)?"
_ZONE = r"(?:\s*\((?P<zone>[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*)\))?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>20\d\d))?"
_DAY = rf"{_DATE}(?:,?\s+(?:at\s+)?)"
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_EPOCH = re.compile(r"\|(\d{10})\b")
_TIME_OF_DAY = re.compile(
    rf"(?:resets?|again|until|available)\b[^\d|]{{0,20}}?(?:at\s+|on\s+)?(?:{_DAY})?{_CLOCK}{_ZONE}", re.IGNORECASE
)
_DURATION = re.compile(
    r"\b(?:in|after)\s+((?:(?:about\s+)?\d+\s*"
    r"(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+)\s*([dhms])")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_reset_time(words: str, now: float) -> float | None:
    """The time in a message, in epoch seconds; None when it has none, or an implausible one.

    now: epoch seconds. A time of day or a date without a year is the next such time.
    """
    found = _parse_epoch(words) or _parse_duration(words, now) or _parse_iso(words) or _parse_time_of_day(words, now)
    return found if found is not None and now - _MAX_DISTANCE_S < found < now + _MAX_DISTANCE_S else None


def _parse_epoch(words: str) -> float | None:
    match = _EPOCH.search(words)
    return None if match is None else float(match[1])


def _parse_duration(words: str, now: float) -> float | None:
    match = _DURATION.search(words)
    if match is None:
        return None
    return now + sum(int(count[:9]) * _UNITS[unit] for count, unit in _PART.findall(match[1].lower()))


def _parse_iso(words: str) -> float | None:
    match = _ISO.search(words)
    if match is None:
        return None
    try:
        return datetime.fromisoformat(match[0]).timestamp()
    except (ValueError, OverflowError):
        return None


def _parse_time_of_day(words: str, now: float) -> float | None:
    for match in _TIME_OF_DAY.finditer(words):
        if match["half"] is None and match["minute"] is None:
            continue  # a bare number is not a time
        found = _resolve(match, now)
        if found is not None:
            return found
    return None


def _resolve(match: re.Match[str], now: float) -> float | None:
    hour, minute, zone = int(match["hour"]), int(match["minute"] or 0), _find_zone(match["zone"])
    if match["half"] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    here = datetime.fromtimestamp(now, zone)
    try:
        if match["month"] is None:
            return _next_occurrence(here.replace(hour=hour, minute=minute, second=0, microsecond=0), now)
        month = _MONTHS.index(match["month"].lower()) + 1
        year = int(match["year"] or here.year)
        found = here.replace(year, month, int(match["day"]), hour, minute, second=0, microsecond=0)
        if match["year"] is None and found.timestamp() < now - _MAX_DISTANCE_S:
            found = found.replace(year=year + 1)
    except ValueError:
        return None
    return found.timestamp()


def _next_occurrence(found: datetime, now: float) -> float:
    """The first occurrence of the time of day that is not long past: shortly after midnight it may be yesterday's."""
    found -= timedelta(days=1)
    while found.timestamp() < now - _RECENT_S:
        found += timedelta(days=1)
    return found.timestamp()


def _find_zone(name: str | None) -> ZoneInfo | None:
    """The named zone; None, which is the local one, when there is no such zone."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        return None
