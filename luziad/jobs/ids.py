"""Job ids: local wall-clock HHMMSS, a dash, hex digits. Pure: the clock and the random source are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Container

JOB_ID = re.compile(r"[0-9]{6}-[0-9a-f]{4,16}")

_DIGITS = (4, 4, 4, 6, 8, 12, 16)
"""Hex digits at each try: in a crowded second the suffix grows, which keeps the number of tries small."""


def new_id(hhmmss: str, random_hex: Callable[[int], str], taken: Container[str]) -> str:
    """An id that is not taken. `random_hex(digits)` gives that many random hex digits."""
    for digits in _DIGITS:
        job = f"{hhmmss}-{random_hex(digits)}"
        if job not in taken:
            return job
    raise RuntimeError(f"no free job id in second {hhmmss}: the random source repeats itself")
