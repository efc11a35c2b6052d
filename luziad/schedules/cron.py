"""Cron expressions, and the times that they match in a zone. Pure: times are epoch seconds, the zone is given.

cronsim parses an expression and steps from one wall-clock time to the next. This module handles changes of a zone's
clock, in the same way with and without seconds and in every zone, including changes by half an hour:

- A time of day (neither the minute nor the hour begins with `*`) matches once a day. In a skipped hour it matches at
  the first time after the hour, in a repeated hour the first time only.
- A recurring time (`*/15 * * * *`) follows the clock: it does not match in a skipped hour, and matches twice in a
  repeated one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile

from cronsim import CronSim, CronSimError

from luzia_protocol.schedules import MAX_CRON_CHARS

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = (
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, or L for the last one"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of the week", "0 to 7, where 0 and 7 are Sunday, or SUN to SAT"),
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
_STEP_S = 6 * 3600
"""No zone changes its clock twice in this time."""
_FIRST_WINDOW_S = 60.0


class CronError(ValueError):
    """The text is not a cron expression. The message names the invalid field and its values."""


class CronExpression:
    """A parsed cron expression. Raises CronError when the text is invalid."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CRON_CHARS:
            raise CronError(f"the cron expression has {len(text)} characters; the limit is {MAX_CRON_CHARS}")
        words = SHORTHANDS.get(text.strip().lower(), text).split()
        if text.strip().startswith("@") and len(words) == 1:
            raise CronError(f"unknown shorthand '{text}'; use one of {', '.join(SHORTHANDS)}")
        if len(words) not in (5, 6):
            raise CronError(
                f"wrong number of fields in '{text}': {len(words)}; use 5 (minute, hour, day of the month, month,"
                " day of the week), or 6, beginning with seconds"
            )
        problem = _find_problem(words)
        if problem is not None:
            raise CronError(problem)
        self._expression = " ".join(words)
        minute, hour = words[-5:-3]
        self._is_daily = not (minute.startswith("*") or hour.startswith("*"))

    def next_after(self, after: float, zone: tzinfo) -> float | None:
        """The first time after `after`; None when there is none in the next 50 years."""
        return self._next_daily(after, zone) if self._is_daily else self._next_recurring(int(after), zone)

    def times_after(self, after: float, zone: tzinfo) -> Iterator[float]:
        """All times after `after`, in order."""
        found = self.next_after(after, zone)
        while found is not None:
            yield found
            found = self.next_after(found, zone)

    def latest_times(self, after: float, until: float, limit: int, zone: tzinfo) -> list[float]:
        """The latest times after `after` and up to `until`, in order, at most `limit` of them.

        The search window grows backwards, so the cost is bounded for long periods and dense expressions.
        """
        window_s = _FIRST_WINDOW_S
        while True:
            begin = max(after, until - window_s)
            found = list(takewhile(lambda time_s: time_s <= until, self.times_after(begin, zone)))
            if len(found) >= limit or begin <= after:
                return found[-limit:]
            window_s *= 8

    def _next_daily(self, after: float, zone: tzinfo) -> float | None:
        local = datetime.fromtimestamp(after, zone).replace(tzinfo=None, fold=0)
        for wall in CronSim(self._expression, local):
            found = _first(wall, zone)
            if found > after:  # else it matched in the first of two repeated hours
                return found
        return None

    def _next_recurring(self, after: int, zone: tzinfo) -> float | None:
        begin, offset = after, _offset_s(after, zone)
        while True:
            wall = next(CronSim(self._expression, _EPOCH + timedelta(seconds=after + offset)), None)
            if wall is None:
                return None
            found = int((wall - _EPOCH).total_seconds()) - offset
            shift = _first_shift(begin, found, offset, zone)
            if shift is None:
                return float(found)
            # From there on the offset is another one; the first second after the change may match, too.
            begin, after, offset = shift, shift - 1, _offset_s(shift, zone)


def _find_problem(words: list[str]) -> str | None:
    """What is wrong with the fields; None when they are valid."""
    names = _FIELDS[-len(words) :]
    for number, word in enumerate(words):
        for part in word.split(","):
            if not _is_readable(["*"] * number + [part] + ["*"] * (len(words) - number - 1)):
                name, values = names[number]
                where = f"'{part}'" if part == word else f"'{part}' in '{word}'"
                return f"invalid {name} {where} in the {_ORDINALS[number]} field; use {values}"
    if not _is_readable(words):
        return f"'{' '.join(words)}' never matches: there is no such day"
    return None


def _is_readable(words: list[str]) -> bool:
    try:
        CronSim(" ".join(words), _EPOCH)
    except (CronSimError, ValueError, TypeError, AssertionError):  # cronsim raises any of these
        return False
    return True


def _first(wall: datetime, zone: tzinfo) -> float:
    """The first time at which the clock shows `wall`, or the first time after it when the clock skips it."""
    if not _is_real(wall, zone):
        wall = wall.replace(second=0)
        while not _is_real(wall, zone):
            wall += timedelta(minutes=1)
    return wall.replace(tzinfo=zone).timestamp()


def _is_real(wall: datetime, zone: tzinfo) -> bool:
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wall


def _offset_s(at_s: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _first_shift(begin: int, end: int, offset: int, zone: tzinfo) -> int | None:
    """The first second after `begin` and up to `end` at which the zone has another offset."""
    low = begin
    while low < end:
        high = min(low + _STEP_S, end)
        if _offset_s(high, zone) != offset:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset_s(middle, zone) == offset else (low, middle)
            return high
        low = high
    return None
