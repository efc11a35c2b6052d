"""The client's own settings, from the environment: read here and nowhere else."""

from __future__ import annotations

import math
import os

from luzia_protocol.errors import LuziaError


class SettingsError(LuziaError, ValueError):
    """A LUZIA_* variable of the client's has a value that makes no sense."""

    code = "bad_setting"


def cache_ttl_s() -> float:
    """How many seconds old an answer from memory may be (LUZIA_CACHE_TTL; 0 never answers from memory)."""
    return _seconds("LUZIA_CACHE_TTL", 1.0, zero_allowed=True)


def monitor_interval_s() -> float:
    """Live screens tick at most once in so many seconds (LUZIA_MONITOR_INTERVAL)."""
    return _seconds("LUZIA_MONITOR_INTERVAL", 1.0, zero_allowed=False)


WATCH_SIGNS = frozenset({"title", "bell"})


def watch_signs() -> frozenset[str]:
    """What `jobs --watch` does beside its picture when no option says so (LUZIA_WATCH: `title`, `bell`, or both)."""
    words = frozenset(os.environ.get("LUZIA_WATCH", "").replace(",", " ").split())
    if words - WATCH_SIGNS:
        raise SettingsError(
            f"LUZIA_WATCH={os.environ['LUZIA_WATCH']!r} is not known here", "Set it to `title`, `bell` or both."
        )
    return words


def _seconds(name: str, default: float, *, zero_allowed: bool) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero_allowed):
        least = "0 or more" if zero_allowed else "more than 0"
        raise SettingsError(f"{name}={text!r} is no number of seconds", f"Set it to {least}, or unset it.")
    return value
