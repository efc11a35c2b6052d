"""Parses the end of a usage limit in a message: `again at 3:29 PM`, `resets Sep 20, 4pm`, `in 2 days 17 hours`.

The formats come from the agents' sources, their documentation and recorded output. A time of day without a zone is
local. Agents cut `again at 3:29 PM` to the minute, so that it refers to the end of that minute. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_RECENT_S = 600.0
"""A time this recent is taken as passed, not as tomorrow's, since agents round. An older one tells nothing."""
_MAX_DISTANCE_S = 366 * 86400.0
_MAX_GUESSED_YEAR_S = 40 * 86400.0
"""A date without a year is not farther away: it would rather be one that has passed."""
_MINUTE_S = 60.0

_ZONES = {
    "ut": "UTC",
    "utc": "UTC",
    "gmt": "UTC",
    **dict.fromkeys(("pt", "pst", "pdt"), "America/Los_Angeles"),
    **dict.fromkeys(("mt", "mst", "mdt"), "America/Denver"),
    **dict.fromkeys(("ct", "cst", "cdt"), "America/Chicago"),
    **dict.fromkeys(("et", "est", "edt"), "America/New_York"),
    **dict.fromkeys(("cet", "cest"), "Europe/Paris"),
    **dict.fromkeys(("wet", "west"), "Europe/Lisbon"),
    **dict.fromkeys(("eet", "eest"), "Europe/Athens"),
    "bst": "Europe/London",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "ist": "Asia/Kolkata",
    "msk": "Europe/Moscow",
    "sast": "Africa/Johannesburg",
    "pkt": "Asia/Karachi",
    "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
    "awst": "Australia/Perth",
    **dict.fromkeys(("acst", "acdt"), "Australia/Adelaide"),
    **dict.fromkeys(("aest", "aedt"), "Australia/Sydney"),
    **dict.fromkeys(("nzst", "nzdt"), "Pacific/Auckland"),
    **dict.fromkeys(("akst", "akdt"), "America/Anchorage"),
    "hst": "Pacific/Honolulu",
    "brt": "America/Sao_Paulo",
    "pacific": "America/Los_Angeles",
    "mountain": "America/Denver",
    "central": "America/Chicago",
    "eastern": "America/New_York",
    "art": "America/Argentina/Buenos_Aires",
}
_MONTH_NAMES = "jan,ene feb mar apr,abr,avr may,mai jun jul aug,ago sep oct,okt nov dec,dic,dez"
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(), 1) for name in names.split(",")}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATE = (
    rf"(?:{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(?P<year>20\d\d))?"
    r"|(?P<iso>20\d\d-\d\d-\d\d))"
)
_DAY_FIRST = rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+|de\s+)?{_MONTH}(?:\s+(?:de\s+)?(?P<year>20\d\d))?"
_NUMERIC = r"(?P<first>\d{1,4})(?P<mark>[./])(?P<next>\d{1,2})(?P=mark)(?P<last>\d{4}|\d{2})(?!\d)"
_MONTH_AND_DAY = r"(?P<first>\d{1,2})(?P<mark>/)(?P<next>\d{1,2})(?![\d/])(?P<last>)"
"""`9/21/2026`, `21.09.2026`, `2026/09/21`, and `9/21`, which is a date only before a time of day."""
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})[a-z]*\b\.?"
_WEEKDAY_TOO = rf"(?:(?:{'|'.join(_WEEKDAYS)})[a-z]*\b\.?,?\s+)?"
"""Before a date, which tells more."""
_TOMORROW = r"(?P<overmorrow>day\s+after\s+)?(?P<tomorrow>tomorrow)"
_CLOCK = (
    r"(?:(?P<hour>\d{1,2})(?:[:h.](?P<minute>\d\d)(?:(?P<second>:\d\d)(?:\.\d+)?)?)?(?:\s*(?P<half>[ap]\.?\s?m\b\.?))?"
    r"(?(minute)(?!\d|:\d|\.\d|m|-(?!\d\d:?\d\d))|(?![\d-]|\.\d))"
    r"|(?P<named>noon|midnight)\b)"
)
_ZONE = (
    r"(?:\s*\(?(?:UTC|GMT)\s*(?P<hours>[+\-−]\d{1,2}(?::?[0-5]\d)?)\b\)?"
    r"|\s*\((?P<zone>[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*)(?:\s+(?:standard\s+|daylight\s+)?time)?\)"
    r"|\s*(?P<offset>Z\b|[+-]\d\d:?\d\d)"
    rf"|\s+(?P<short>{'|'.join(_ZONES)}|[A-Z][a-z]+/[A-Za-z_]+)\b)?"
)
_SEPARATOR = r"(?:,|\s|T|\bat\b|\bon\b|\ba las\b)*"
_KEYWORD = (
    r"(?:(?:\b(?P<keyword>resets?(?:_?at)?|again|until|available|access|refreshes|renews|back)\b|将[在于])"
    r"[^\d|]{0,20}?(?:\bat\s+|\bon\s+)?)"
)


def _time_pattern(day: str) -> re.Pattern[str]:
    return re.compile(
        rf"{_KEYWORD}(?:{_TOMORROW}|{_WEEKDAY_TOO}{day}|{_WEEKDAY}){_SEPARATOR}{_CLOCK}{_ZONE}", re.IGNORECASE
    )


_WITH_DAY = tuple(map(_time_pattern, (_DATE, _DAY_FIRST, _NUMERIC, _MONTH_AND_DAY)))
_DAY_AFTER_CLOCK = rf"[,\s]+(?:on\s+|the\s+)?(?:{_TOMORROW}|{_WEEKDAY_TOO}{_DATE}|{_WEEKDAY})"
_CLOCK_FIRST = (
    re.compile(rf"{_KEYWORD}{_CLOCK}{_DAY_AFTER_CLOCK}{_ZONE}", re.IGNORECASE),
    re.compile(rf"{_KEYWORD}{_CLOCK}{_ZONE}{_DAY_AFTER_CLOCK}", re.IGNORECASE),
)
"""`7pm tomorrow (Asia/Tokyo)`, and `7pm (Asia/Tokyo) on Sep 24`."""
_WITHOUT_DAY = (*_CLOCK_FIRST, re.compile(rf"{_KEYWORD}{_CLOCK}{_ZONE}", re.IGNORECASE))
_DAY_ONLY = tuple(
    re.compile(rf"{_KEYWORD}(?:{_TOMORROW}|{_WEEKDAY_TOO}{day}|{_WEEKDAY})\b{_ZONE}(?!\s+at\b)", re.IGNORECASE)
    for day in (_DATE, _DAY_FIRST, _NUMERIC)
)
"""A day is over at its midnight, in the zone that it has."""

_IN_CHINA = re.compile(r"将[在于]|limit reached for \d+ hour|weekly/monthly limit exhausted", re.IGNORECASE)
"""Messages of Zhipu's servers (GLM), which agents pass on. Their times are Beijing's, without saying so."""

_EPOCH = re.compile(r"(?:\||resets?_?at\W{1,4}|\bresets?\s(?:at\s)?)(\d{10})(?:\d{3})?\b", re.IGNORECASE)
_SECONDS = re.compile(
    r"(?:resets?_?in_?seconds|retry[-_ ]after(?:_seconds)?)\W{1,4}(\d{1,9}(?:\.\d+)?)(?![\d.]*\s*[a-z0-9])",
    re.IGNORECASE,
)
_MILLISECONDS = re.compile(r"retry[-_ ]after[-_ ]ms\W{1,4}(\d{1,12})\b", re.IGNORECASE)
_ISO_DURATION = re.compile(
    r"\bP(?:(?P<weeks>\d{1,3})W)?(?:(?P<d>\d{1,3})D)?(?:T(?:(?P<h>\d{1,4})H)?(?:(?P<m>\d{1,6})M)?(?:(?P<s>\d{1,9})S)?)?\b"
)
_COUNTDOWN = re.compile(r"\bin\s+(?P<h>\d{1,3}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?\b(?!\s*[ap]\.?m)", re.IGNORECASE)
_HTTP_DATE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_UNIT = r"(?:weeks?|wks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|milliseconds?|ms|m|seconds?|secs?|s)(?![a-z])"
_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_COUNT_WORD = rf"(?:half an|an?|{'|'.join(_NUMBERS)})\b"
_PARTS = rf"(?P<parts>(?:(?:\d{{1,9}}(?:\.\d{{1,9}})?|{_COUNT_WORD})\s*{_UNIT}[\s,]*(?:and\s+)?)+)"
_SOME = r"(?:(?:about|around|approximately|another|under|less than|at most|up to)\s+|~\s*)?"
_DURATIONS = (
    re.compile(
        rf"\b(?:(?:in|after|wait|within)[:\s]\s*|(?:remaining|until (?:the )?reset|resets?):\s*){_SOME}{_PARTS}",
        re.IGNORECASE,
    ),
    re.compile(rf"\b{_PARTS}(?:until|to|before|till)\s+(?:the\s+|your\s+)?(?:\w+\s+)?resets?\b", re.IGNORECASE),
)
"""`in 2d3h`, `time remaining: 3h`, and `3h until reset`."""
_OWN_RETRY = re.compile(rf"\bretrying (?:in|after)\s+{_PARTS}", re.IGNORECASE)
_PART = re.compile(rf"(?P<count>[\d.]+|{_COUNT_WORD})\s*(?P<unit>{_UNIT})", re.IGNORECASE)
_UNITS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def parse_reset_time(words: str, now: float) -> float | None:
    """The time in a message, in epoch seconds; None when it has none, or an implausible one.

    now: epoch seconds. A time of day, a weekday or a date without a year is the next such time.
    """
    finders: tuple[Callable[[str, float], float | None], ...] = (
        _parse_epoch,
        _parse_wait,
        _parse_http_date,
        _parse_time_of_day,
    )
    for find in finders:
        try:
            found = find(words, now)
        except (ValueError, OverflowError, OSError):
            continue
        if found is not None:
            return found if now - _RECENT_S <= found < now + _MAX_DISTANCE_S else None
    return None


def parse_duration_s(words: str) -> float | None:
    """The seconds to wait that a message tells: `in 2d3h`, `after 37.5s`, `retry-after: 120`; None without any.

    When an agent will try again by itself (`retrying in 2m`), this counts only if the message tells nothing else.
    """
    rest = _OWN_RETRY.sub(" ", words)
    found = _find_duration_s(rest)
    return _find_duration_s(words) if found is None and rest != words and not tells_time(rest) else found


def _find_duration_s(words: str) -> float | None:
    if (match := _SECONDS.search(words)) is not None:
        return float(match[1])
    if (match := _MILLISECONDS.search(words)) is not None:
        return float(match[1]) / 1000
    for pattern in (_COUNTDOWN, _ISO_DURATION):
        for match in pattern.finditer(words):
            if found := [_UNITS[unit[0]] * float(count) for unit, count in match.groupdict().items() if count]:
                return sum(found)
    found_by = (pattern.search(words) for pattern in _DURATIONS)
    if (match := next((match for match in found_by if match is not None), None)) is None:
        return None
    return sum(_part_s(part["count"], part["unit"].lower()) for part in _PART.finditer(match["parts"]))


def tells_time(words: str) -> bool:
    """Whether a message tells a time on the clock or a date."""
    if _EPOCH.search(words) or _HTTP_DATE.search(words):
        return True
    if any(pattern.search(words) for pattern in _DAY_ONLY):
        return True
    return any(_is_time(match) for pattern in (*_WITH_DAY, *_WITHOUT_DAY) for match in pattern.finditer(words))


def _part_s(count: str, unit: str) -> float:
    word = count.lower()
    number = (
        1 + _NUMBERS.index(word) if word in _NUMBERS else {"a": 1, "an": 1, "half an": 0.5}.get(word) or float(count)
    )
    return number / 1000 if unit.startswith(("ms", "milli")) else number * _UNITS[unit[0]]


def _parse_epoch(words: str, _: float) -> float | None:
    match = _EPOCH.search(words)
    return None if match is None else float(match[1])


def _parse_wait(words: str, now: float) -> float | None:
    wait_s = parse_duration_s(words)
    return None if wait_s is None else now + wait_s


def _parse_http_date(words: str, _: float) -> float | None:
    match = _HTTP_DATE.search(words)
    if match is None:
        return None
    from email.utils import parsedate_to_datetime  # half a megabyte of modules, for a rare form

    return parsedate_to_datetime(match[0]).timestamp()


def _parse_time_of_day(words: str, now: float) -> float | None:
    """The last time in the message: the end of a limit may follow that of another one."""
    for pattern in (*_WITH_DAY, *_WITHOUT_DAY):
        for match in reversed([match for match in pattern.finditer(words) if _is_time(match)]):
            try:
                return _resolve(_in_zone(match.groupdict(), words), now)
            except ValueError:
                continue
    for pattern in _DAY_ONLY:
        for match in reversed(list(pattern.finditer(words))):
            return _resolve(_in_zone(match.groupdict(), words) | {"named": "midnight"}, now)
    return None


def _in_zone(parts: dict[str, str | None], words: str) -> dict[str, str | None]:
    """The parts with the zone that only the sender tells."""
    return parts | {"zone": "Asia/Shanghai"} if _IN_CHINA.search(words) else parts


def _is_time(match: re.Match[str]) -> bool:
    """Whether it is a time of day: a bare number is none."""
    return match["half"] is not None or match["minute"] is not None or match["named"] is not None


def _resolve(parts: dict[str, str | None], now: float) -> float | None:
    """The time of these parts. Raises ValueError for an impossible one."""
    zone, clock = _find_zone(parts), _clock(parts)
    here = datetime.fromtimestamp(now, zone)
    day, more_s = here.date(), 0.0
    if (parts.get("keyword") or "").lower() == "again" and parts.get("minute") and not parts.get("second"):
        more_s = _MINUTE_S
    if parts.get("first"):
        return _earliest(_numeric_dates(parts, day), clock, zone, now)
    if parts.get("iso"):
        return _timestamp(date.fromisoformat(str(parts["iso"])), clock, zone) + more_s
    if parts.get("month"):
        month, number, year = _MONTHS[str(parts["month"]).lower()], int(str(parts["day"])), parts.get("year")
        if year is not None:
            return _timestamp(date(int(year), month, number), clock, zone) + more_s
        found = _timestamp(date(day.year, month, number), clock, zone) + more_s
        if found < now - _RECENT_S:
            found = _timestamp(date(day.year + 1, month, number), clock, zone) + more_s
        return found if found < now + _MAX_GUESSED_YEAR_S else None
    if parts.get("tomorrow"):
        return _timestamp(day + timedelta(days=2 if parts.get("overmorrow") else 1), clock, zone) + more_s
    step = timedelta(days=1)
    if parts.get("weekday"):
        step, day = (
            timedelta(days=7),
            day + timedelta(days=(_WEEKDAYS.index(str(parts["weekday"]).lower()) - day.weekday()) % 7),
        )
    day -= step  # shortly after midnight it may be yesterday's
    while (found := _timestamp(day, clock, zone) + more_s) < now - _RECENT_S:
        day += step
    return found


def _numeric_dates(parts: dict[str, str | None], today: date) -> list[date]:
    """The dates that the numbers may mean. The order of month and day is that of a country, which is not told.

    Raises ValueError if there is none.
    """
    first, second, last = int(parts["first"] or 0), int(parts["next"] or 0), parts["last"] or ""
    if first > 31:
        return [date(first, second, int(last))]
    day_first = [] if parts.get("half") and first <= 12 else [(second, first)]  # am and pm come with American dates
    month_first = [] if parts["mark"] == "." else [(first, second)]
    years = [int(last) % 100 + 2000] if last else [today.year, today.year + 1]
    found = []
    for month, day in month_first + day_first:
        for year in years:
            with suppress(ValueError):
                found.append(date(year, month, day))
    return found


def _earliest(days: list[date], clock: time, zone: tzinfo | None, now: float) -> float | None:
    """The first time that has not passed; None if all have, or are farther away than any limit."""
    times = [found for day in days if (found := _timestamp(day, clock, zone)) >= now - _RECENT_S]
    return min(times, default=None)


def _clock(parts: dict[str, str | None]) -> time:
    """The time of day. Raises ValueError."""
    if parts.get("named"):
        return time(12 if str(parts["named"]).lower() == "noon" else 0)
    hour, minute = int(parts["hour"] or 0), int(parts.get("minute") or 0)
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    second = int((parts.get("second") or ":0")[1:])
    return time(hour, minute, second)


def _timestamp(day: date, clock: time, zone: tzinfo | None) -> float:
    """Epoch seconds of a local time; the later one where the clock is put back."""
    found = datetime.combine(day, clock, zone)
    return max(found.timestamp(), found.replace(fold=1).timestamp())


def _find_zone(parts: dict[str, str | None]) -> tzinfo | None:
    """The named zone; None, which is the local one, when there is no such zone."""
    if hours := parts.get("hours"):
        sign, digits = -1 if hours[0] in "-−" else 1, hours[1:].replace(":", "")
        whole, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
        return timezone(sign * timedelta(hours=int(whole), minutes=int(minutes)))
    if offset := parts.get("offset"):
        return datetime.strptime("+0000" if offset in "Zz" else offset.replace(":", ""), "%z").tzinfo
    name = parts.get("zone") or parts.get("short")
    try:
        return ZoneInfo(_ZONES.get(name.lower(), name)) if name else None
    except (ValueError, OSError, KeyError):
        return None
