"""Durations and times in the formats that people write: `90`, `1h30m`; `23:30`, `2026-09-20T16:00:00+02:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""The seconds of each unit."""
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
MAX_DURATION_S = 1e9


def parse_duration_s(text: str) -> float:
    """Seconds from `90`, `0.5`, or parts with units such as `1h30m`. Raises ValueError unless they are above 0."""
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
        seconds += float(part[1]) * UNITS[part[2]]
        position = part.end()
    return seconds


def parse_time(text: str, now: datetime) -> datetime:
    """The next occurrence of a time of day, or a date and time; without an offset it is local.

    now: aware. Raises ValueError for anything else.
    """
    if (clock := _TIME_OF_DAY.fullmatch(text.strip())) is None:
        try:
            return datetime.fromisoformat(text.strip()).astimezone()
        except OverflowError as exc:
            raise ValueError(text) from exc
    hour, minute, second = (int(part or 0) for part in clock.groups())
    today = now.astimezone().replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    found = today.astimezone()
    return found if found > now else (today + timedelta(days=1)).astimezone()


def parse_past_time(text: str, now: datetime) -> datetime:
    """The time that lies a duration before now, the last occurrence of a time of day, or a date and time.

    now: aware. Raises ValueError for anything else.
    """
    try:
        return now - timedelta(seconds=parse_duration_s(text))
    except OverflowError as exc:
        raise ValueError(text) from exc
    except ValueError:
        found = parse_time(text, now)
    return found - timedelta(days=1) if found > now and _TIME_OF_DAY.fullmatch(text.strip()) else found
