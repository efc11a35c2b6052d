"""The simulator of `make bench`, for half an hour instead of a month: every promise is checked as it goes."""

from __future__ import annotations

import pytest

from bench.simulate import Month


@pytest.mark.parametrize("seed", range(3))
def test_half_a_busy_hour_keeps_every_promise(seed: int) -> None:
    report = Month(1500, seed, span_s=1800.0).run()
    assert report.decisions + report.cancelled == report.jobs == 1500
    assert report.checked > 0
    assert report.waiting > 100
