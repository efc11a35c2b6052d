"""Time zones: by name, from the system's files or else from the package tzdata; or as a rule, as in POSIX's TZ."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from difflib import get_close_matches
from io import BytesIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from luzia_protocol.errors import ErrorCode, Refused

_LOCALTIME = "/etc/localtime"
_TIMEZONE = "/etc/timezone"
_RULE = re.compile(r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?\d.*", re.ASCII)
"""The beginning of a rule: a name and an offset. Whether the rest is valid is found out when it is loaded."""


def load_zone(name: str) -> ZoneInfo:
    """The zone with this name or rule. Raises Refused (UNKNOWN_TIMEZONE), with a suggestion."""
    try:
        return _load(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        near = _suggest(name)
        hint = f"Did you mean {near}?" if near else ""
        raise Refused(ErrorCode.UNKNOWN_TIMEZONE, f"unknown time zone '{name}'", hint) from exc


def local_zone_name(environ: Mapping[str, str]) -> str:
    """The name of the local zone, from TZ or the machine. Raises Refused when it cannot be found."""
    if "TZ" in environ:
        return _name_in_variable(environ["TZ"])
    for name in (_read_link(_LOCALTIME), _read_timezone_file()):
        if name and _is_known(name):
            return name
    raise Refused(
        ErrorCode.UNKNOWN_TIMEZONE,
        "the name of the local time zone cannot be determined",
        "Pass --timezone, such as --timezone Europe/Berlin.",
    )


def _name_in_variable(text: str) -> str:
    """The zone that TZ names: a name, a rule, or a file of the zones (see tzset(3)). Raises Refused."""
    text = text.removeprefix(":")
    if text.startswith("/"):
        names = (text.rpartition("/zoneinfo/")[2], _read_link(text))
        text = next((name.removeprefix("posix/") for name in names if _is_known(name)), text)
    try:
        load_zone(text or "UTC")
    except Refused as refused:
        hint = f"{refused.hint} Or correct the variable TZ."
        raise Refused(refused.code, f"unknown time zone '{text}' in the variable TZ", hint) from refused
    return text or "UTC"


def _load(name: str) -> ZoneInfo:
    """The zone. Raises ZoneInfoNotFoundError, ValueError, OSError."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        if not _RULE.fullmatch(name):
            raise
    # A file without transitions, whose footer is the rule: see RFC 8536.
    header = b"TZif2" + bytes(15) + struct.pack(">6L", 0, 0, 0, 0, 1, 1)
    return ZoneInfo.from_file(BytesIO((header + bytes(7)) * 2 + b"\n" + name.encode() + b"\n"), key=name)


def _read_link(path: str) -> str:
    """The name of the zone whose file the link leads to, below the directory of the zones (see localtime(5))."""
    return os.path.realpath(path).rpartition("/zoneinfo/")[2] if os.path.islink(path) else ""


def _read_timezone_file() -> str:
    """The content of /etc/timezone, which Debian has."""
    try:
        with open(_TIMEZONE, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _is_known(name: str) -> bool:
    try:
        _load(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _suggest(name: str) -> str | None:
    from importlib.resources import files  # slow, and needed for mistakes only

    known = {each.casefold(): each for each in files("tzdata").joinpath("zones").read_text("ascii").split()}
    cities = {each.rpartition("/")[2]: each for each in known}
    wanted = name.casefold().replace(" ", "_")
    if wanted in cities:
        return known[cities[wanted]]
    near = get_close_matches(wanted, known, n=1)
    return known[near[0]] if near else None
