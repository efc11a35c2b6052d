"""The client's settings, which are environment variables. No other module reads these."""

from __future__ import annotations

import math
import os

from luzia_client.api.errors import SettingsError


def cache_ttl_s() -> float:
    """How many seconds a cached status stays valid (LUZIA_CACHE_TTL; 0 disables the cache)."""
    return _seconds("LUZIA_CACHE_TTL", 1.0, zero_allowed=True)


def monitor_interval_s() -> float:
    """The shortest time between two updates of a live screen (LUZIA_MONITOR_INTERVAL)."""
    return _seconds("LUZIA_MONITOR_INTERVAL", 1.0, zero_allowed=False)


WATCH_SIGNS = frozenset({"title", "bell"})


def watch_signs() -> frozenset[str]:
    """The default signals of `jobs --watch` (LUZIA_WATCH: `title`, `bell`, or both)."""
    words = frozenset(os.environ.get("LUZIA_WATCH", "").replace(",", " ").split())
    if words - WATCH_SIGNS:
        raise SettingsError(
            f"invalid value '{os.environ['LUZIA_WATCH']}' for LUZIA_WATCH", "Set it to `title`, `bell`, or both."
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
        accepted = "0 or more" if zero_allowed else "more than 0"
        raise SettingsError(f"invalid number of seconds '{text}' for {name}", f"Set it to {accepted}, or unset it.")
    return value
