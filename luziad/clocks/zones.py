"""Time zones by name: from the system's files, or where there are none from those of the package tzdata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from luzia_protocol.errors import ErrorCode, Refused

_LOCALTIME = "/etc/localtime"
_TIMEZONE = "/etc/timezone"


def load_zone(name: str) -> ZoneInfo:
    """The zone of this name. Raises Refused (UNKNOWN_TIMEZONE), and says which name may be meant."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        near = _near(name)
        hint = f"Did you mean {near}?" if near else ""
        raise Refused(ErrorCode.UNKNOWN_TIMEZONE, f"there is no time zone {name!r}", hint) from exc


def local_zone_name(environ: Mapping[str, str]) -> str:
    """The name of the zone that holds here: that of TZ, or the machine's. Raises Refused when nothing tells it."""
    for name in (environ.get("TZ", "").removeprefix(":"), _linked(), _written()):
        if name and _is_known(name):
            return name
    raise Refused(
        ErrorCode.UNKNOWN_TIMEZONE,
        "nothing says by which name the time zone here is known",
        "Name it: --timezone Europe/Berlin.",
    )


def _linked() -> str:
    """What /etc/localtime is a link to, below the directory of the zones (see localtime(5))."""
    return os.path.realpath(_LOCALTIME).rpartition("/zoneinfo/")[2] if os.path.islink(_LOCALTIME) else ""


def _written() -> str:
    """What /etc/timezone says, which Debian has."""
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


def _near(name: str) -> str | None:
    from importlib.resources import files  # dear, and needed by mistakes only

    known = {each.casefold(): each for each in files("tzdata").joinpath("zones").read_text("ascii").split()}
    cities = {each.rpartition("/")[2]: each for each in known}
    wanted = name.casefold().replace(" ", "_")
    if wanted in cities:
        return known[cities[wanted]]
    near = get_close_matches(wanted, known, n=1)
    return known[near[0]] if near else None
