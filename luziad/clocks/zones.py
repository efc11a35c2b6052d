"""Time zones by name, from the system's files or else from the package tzdata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from luzia_protocol.errors import ErrorCode, Refused

_LOCALTIME = "/etc/localtime"
_TIMEZONE = "/etc/timezone"


def load_zone(name: str) -> ZoneInfo:
    """The zone with this name. Raises Refused (UNKNOWN_TIMEZONE), with a suggestion."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        near = _suggest(name)
        hint = f"Did you mean {near}?" if near else ""
        raise Refused(ErrorCode.UNKNOWN_TIMEZONE, f"unknown time zone '{name}'", hint) from exc


def local_zone_name(environ: Mapping[str, str]) -> str:
    """The name of the local zone, from TZ or the machine. Raises Refused when it cannot be found."""
    for name in (environ.get("TZ", "").removeprefix(":"), _read_link(), _read_timezone_file()):
        if name and _is_known(name):
            return name
    raise Refused(
        ErrorCode.UNKNOWN_TIMEZONE,
        "the name of the local time zone cannot be determined",
        "Pass --timezone, such as --timezone Europe/Berlin.",
    )


def _read_link() -> str:
    """The target of the link /etc/localtime below the directory of the zones (see localtime(5))."""
    return os.path.realpath(_LOCALTIME).rpartition("/zoneinfo/")[2] if os.path.islink(_LOCALTIME) else ""


def _read_timezone_file() -> str:
    """The content of /etc/timezone, which Debian has."""
    try:
        with open(_TIMEZONE, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
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
