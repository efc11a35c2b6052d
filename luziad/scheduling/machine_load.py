"""Delays starts while the machine is busy: load, free memory and pressure, as far as the configuration has bounds.

The kernel's figures are looked at when a job could start, and once more every RECHECK_S while one is kept waiting
by them. Without bounds, or without jobs that wait, nothing is looked at and no timer runs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from luziad.config.schema import DaemonConfig

log = logging.getLogger("luziad.machine")

RECHECK_S = 2.0
KINDS = ("cpu", "memory", "io")


class Machine:
    """Whether the machine is too busy for another job. `pump` is called when it is time to ask again."""

    def __init__(self, bounds: DaemonConfig, pump: Callable[[], None], proc: Path = Path("/proc")) -> None:
        self.words: str | None = None
        self._bounds = bounds
        self._pump = pump
        self._proc = proc
        self._looked_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def set_bounds(self, bounds: DaemonConfig) -> None:
        """Go by new bounds from now on."""
        self._bounds = bounds
        self._looked_at = float("-inf")

    def busy(self) -> bool:
        """Whether a job that could start now has to wait; asks again by itself then."""
        now = time.monotonic()
        if now - self._looked_at >= RECHECK_S / 2:
            self._looked_at = now
            before, self.words = self.words, next(busy_words(self._bounds, self._proc), None)
            if (before is None) != (self.words is None):
                log.info("machine_busy words=%r", self.words)
        if self.words is None:
            return False
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RECHECK_S, self._ask_again)
        return True

    def close(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask_again(self) -> None:
        self._timer = None
        self._pump()


def busy_words(bounds: DaemonConfig, proc: Path) -> Iterator[str]:
    """What is beyond its bound, in words; only what has a bound is read."""
    if bounds.max_load is not None:
        load = float((proc / "loadavg").read_text().split()[0])
        if load > bounds.max_load:
            yield f"the machine is busy: load {load:g}, and max_load is {bounds.max_load:g}"
    if bounds.min_free_memory_bytes is not None:
        free = _available_bytes(proc)
        if free < bounds.min_free_memory_bytes:
            least = bounds.min_free_memory_bytes
            yield f"memory is short: {_gib(free)} GiB available, and min_free_memory_bytes is {_gib(least)} GiB"
    for kind in KINDS:
        most = getattr(bounds, f"max_{kind}_pressure")
        if most is not None and (pressure := _pressure(proc / "pressure" / kind)) > most:
            yield f"the machine is busy: {kind} pressure {pressure:g} %, and max_{kind}_pressure is {most:g}"


def _available_bytes(proc: Path) -> int:
    """MemAvailable: what programs can have without swapping, as proc(5) has it."""
    for line in (proc / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no MemAvailable in meminfo")


def _pressure(file: Path) -> float:
    """The share of the last 10 seconds in which somebody waited, in percent; 0 where the kernel does not tell."""
    try:
        some = file.read_text().splitlines()[0]
    except OSError as exc:
        log.warning("pressure_not_told file=%s error=%s", file, exc)
        return 0.0
    return float(some.split()[1].removeprefix("avg10="))


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**3:.3g}"
