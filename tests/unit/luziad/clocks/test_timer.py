"""The timer that knows the kernel's clocks."""

from __future__ import annotations

import asyncio
import errno
import os
import time

import pytest

from luziad.clocks.timer import ClockTimer
from support import DEADLINE_S


@pytest.mark.parametrize("on_clock_change", [False, True])
async def test_it_calls_once_the_clock_has_reached_the_moment(on_clock_change: bool) -> None:
    called = asyncio.Event()
    timer = ClockTimer(called.set, on_clock_change=on_clock_change)
    moment = time.time() + 0.2
    timer.set(moment)
    await asyncio.wait_for(called.wait(), DEADLINE_S)
    assert time.time() >= moment
    timer.close()


async def test_it_calls_as_well_when_the_kernel_tells_that_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may set the clock of the machine for a test: read(2) says what it says then."""
    called = asyncio.Event()
    timer = ClockTimer(called.set, on_clock_change=True)
    timer.set(time.time() + 0.1)
    read = os.read

    def cancelled(descriptor: int, size: int) -> bytes:
        read(descriptor, size)
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

    monkeypatch.setattr(os, "read", cancelled)
    await asyncio.wait_for(called.wait(), DEADLINE_S)
    timer.close()
