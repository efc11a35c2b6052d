"""Times and durations as text."""

from __future__ import annotations

import time

import pytest

from luziad.clocks.format import format_duration, format_time


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (8, "8 s"), (450, "7m30s"), (7500, "2h05m"), (273600, "3d04h")]
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_time_has_its_date_when_it_is_not_within_a_day() -> None:
    now = time.time()
    assert format_time(now + 60).count(":") in (1, 2)
    assert format_time(now + 10 * 86400).startswith("20")
