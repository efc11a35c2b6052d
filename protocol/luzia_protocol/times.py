"""The range of times that luzia accepts: each exists in every time zone, and in seconds since the epoch as well."""

from __future__ import annotations

import math
from datetime import UTC, datetime

FIRST_S = 0.0
LAST_S = 253_402_128_000.0
"""9999-12-30T00:00:00Z: a day before the end of the calendar, so that it is in no zone after it."""


def is_moment(epoch_s: float) -> bool:
    """Whether it is a moment, in seconds since the epoch."""
    return FIRST_S <= epoch_s <= LAST_S


def is_accepted(moment: datetime) -> bool:
    """Whether it has an offset and is in the range, as a moment in UTC."""
    return moment.tzinfo is not None and is_moment(moment.timestamp())


def nearest(epoch_s: float) -> float:
    """The nearest moment to a number that may be outside of the range, as in an old record."""
    return FIRST_S if math.isnan(epoch_s) else min(max(epoch_s, FIRST_S), LAST_S)


def to_datetime(epoch_s: float) -> datetime:
    """The nearest moment in UTC."""
    return datetime.fromtimestamp(epoch_s if is_moment(epoch_s) else nearest(epoch_s), UTC)


def to_local(moment: datetime) -> datetime:
    """The moment in local time; unchanged where the calendar ends."""
    try:
        return moment.astimezone()
    except (OverflowError, ValueError):
        return moment
