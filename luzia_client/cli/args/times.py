"""Spans and moments as people write them: `90`, `10m`, `1h30m`; `23:30`, `2026-09-20T16:00:00+02:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
MAX_SPAN_S = 1e9


def parse_duration_s(text: str) -> float:
    """Seconds: `90`, `0.5`, or parts with units such as `1h30m`. Raises ValueError unless they are above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _with_units(text.strip())
    if not 0 < seconds < MAX_SPAN_S:
        raise ValueError(text)
    return seconds


def _with_units(text: str) -> float:
    seconds, position = 0.0, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(text)
        seconds += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    return seconds


def parse_time(text: str, now: datetime) -> datetime:
    """The moment that is meant: of a time of day the next one, of a date without an offset the one here.

    now: aware. Raises ValueError for what is no moment.
    """
    if (clock := _CLOCK.fullmatch(text.strip())) is None:
        return datetime.fromisoformat(text.strip()).astimezone()
    hour, minute, second = (int(part or 0) for part in clock.groups())
    today = now.astimezone().replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    found = today.astimezone()
    return found if found > now else (today + timedelta(days=1)).astimezone()


def parse_past_time(text: str, now: datetime) -> datetime:
    """The moment that is meant: of a span the one so long ago, of a time of day the last one, else a date.

    now: aware. Raises ValueError for what is none of these.
    """
    try:
        return now - timedelta(seconds=parse_duration_s(text))
    except ValueError:
        found = parse_time(text, now)
    return found - timedelta(days=1) if found > now and _CLOCK.fullmatch(text.strip()) else found
