"""Cron expressions, and the moments that they mean in a zone. Pure: moments are epoch seconds, the zone is given.

cronsim reads an expression and goes from one time on the clock to the next. What that means where a zone's clock is
put forward or back is decided here, so that it is the same with and without seconds and in every zone, also where the
clock moves by half an hour:

- A time of day (neither the minute nor the hour begins with `*`) comes once a day. In an hour that is skipped it comes
  at the first moment after it, and in one that is repeated the first time only.
- What recurs within hours or days (`*/15 * * * *`) goes by the clock as it is: nothing comes in a skipped hour, and
  in a repeated one it comes twice.
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
"""No zone's clock is moved twice within so long."""
_FIRST_WINDOW_S = 60.0


class CronError(ValueError):
    """The text is no cron expression: says which field is wrong, and what it may be."""


class Cron:
    """A cron expression. Raises CronError when the text is none."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CRON_CHARS:
            raise CronError(f"it has {len(text)} characters, and {MAX_CRON_CHARS} is the limit")
        words = SHORTHANDS.get(text.strip().lower(), text).split()
        if text.strip().startswith("@") and len(words) == 1:
            raise CronError(f"{text!r} is no shorthand; there are {', '.join(SHORTHANDS)}")
        if len(words) not in (5, 6):
            raise CronError(
                f"{text!r} has {len(words)} fields; five are needed (minute, hour, day of the month, month, day of the"
                " week), or six with the second in front"
            )
        problem = _problem(words)
        if problem is not None:
            raise CronError(problem)
        self._expression = " ".join(words)
        minute, hour = words[-5:-3]
        self._of_the_day = not (minute.startswith("*") or hour.startswith("*"))

    def next_after(self, moment: float, zone: tzinfo) -> float | None:
        """The first moment after this one; None when none comes in the next 50 years."""
        return self._next_of_the_day(moment, zone) if self._of_the_day else self._next_on_the_clock(int(moment), zone)

    def moments(self, after: float, zone: tzinfo) -> Iterator[float]:
        """All moments to come, in their order."""
        found = self.next_after(after, zone)
        while found is not None:
            yield found
            found = self.next_after(found, zone)

    def latest(self, after: float, until: float, most: int, zone: tzinfo) -> list[float]:
        """The latest moments after the one and not after the other, in order, at most so many.

        It looks further and further back, so that it costs little however long the time and however dense the moments.
        """
        window_s = _FIRST_WINDOW_S
        while True:
            begin = max(after, until - window_s)
            found = list(takewhile(lambda moment: moment <= until, self.moments(begin, zone)))
            if len(found) >= most or begin <= after:
                return found[-most:]
            window_s *= 8

    def _next_of_the_day(self, moment: float, zone: tzinfo) -> float | None:
        here = datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)
        for wall in CronSim(self._expression, here):
            found = _first(wall, zone)
            if found > moment:  # else it came in the first one of two hours, and this is the second
                return found
        return None

    def _next_on_the_clock(self, moment: int, zone: tzinfo) -> float | None:
        looked, offset = moment, _offset_s(moment, zone)
        while True:
            wall = next(CronSim(self._expression, _EPOCH + timedelta(seconds=moment + offset)), None)
            if wall is None:
                return None
            found = int((wall - _EPOCH).total_seconds()) - offset
            shift = _first_shift(looked, found, offset, zone)
            if shift is None:
                return float(found)
            # From there on the clock is another one, and its first second counts as well.
            looked, moment, offset = shift, shift - 1, _offset_s(shift, zone)


def _problem(words: list[str]) -> str | None:
    """What is wrong with the fields, None when nothing is."""
    names = _FIELDS[-len(words) :]
    for number, word in enumerate(words):
        for part in word.split(","):
            if not _is_readable(["*"] * number + [part] + ["*"] * (len(words) - number - 1)):
                name, values = names[number]
                where = f"{word!r}" if part == word else f"{part!r} in {word!r}"
                return f"the {_ORDINALS[number]} field is the {name}, and {where} is none: {values}"
    if not _is_readable(words):
        return f"there is no such day: {' '.join(words)!r} never comes"
    return None


def _is_readable(words: list[str]) -> bool:
    try:
        CronSim(" ".join(words), _EPOCH)
    except (CronSimError, ValueError, TypeError, AssertionError):  # it has a few ways to find fault
        return False
    return True


def _first(wall: datetime, zone: tzinfo) -> float:
    """The first moment at which the clock shows this, or the first one after it when the clock never does."""
    if not _is_real(wall, zone):
        wall = wall.replace(second=0)
        while not _is_real(wall, zone):
            wall += timedelta(minutes=1)
    return wall.replace(tzinfo=zone).timestamp()


def _is_real(wall: datetime, zone: tzinfo) -> bool:
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wall


def _offset_s(moment: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _first_shift(begin: int, end: int, offset: int, zone: tzinfo) -> int | None:
    """The first second after `begin` and not after `end` at which the zone's offset is another one."""
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
