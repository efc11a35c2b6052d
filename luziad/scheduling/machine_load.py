"""Delays starts while the machine is busy: load, free memory and pressure, where the configuration limits them.

The kernel's figures are read when a job could start, and every RECHECK_S while they keep one waiting. Without limits,
or without waiting jobs, nothing is read and no timer runs.
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


class MachineLoad:
    """Whether the machine is too busy for another job. `start_jobs` is called when that may have changed.

    reason: why it is too busy, None when it is not.
    """

    def __init__(self, limits: DaemonConfig, start_jobs: Callable[[], None], proc: Path = Path("/proc")) -> None:
        self.reason: str | None = None
        self._limits = limits
        self._start_jobs = start_jobs
        self._proc = proc
        self._read_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def set_limits(self, limits: DaemonConfig) -> None:
        """Apply these limits from now on."""
        self._limits = limits
        self._read_at = float("-inf")

    def is_busy(self) -> bool:
        """Whether a job that could start now has to wait; it is then asked for again."""
        now = time.monotonic()
        if now - self._read_at >= RECHECK_S / 2:
            self._read_at = now
            before, self.reason = self.reason, next(busy_reasons(self._limits, self._proc), None)
            if (before is None) != (self.reason is None):
                log.info("machine_busy reason=%r", self.reason)
        if self.reason is None:
            return False
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RECHECK_S, self._recheck)
        return True

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _recheck(self) -> None:
        self._timer = None
        self._start_jobs()


def busy_reasons(limits: DaemonConfig, proc: Path) -> Iterator[str]:
    """The limits that are exceeded, as text; only figures with a limit are read."""
    if limits.max_load is not None:
        load = float((proc / "loadavg").read_text().split()[0])
        if load > limits.max_load:
            yield f"the machine is busy: load {load:g}, and max_load is {limits.max_load:g}"
    if limits.min_free_memory_bytes is not None:
        free = _available_bytes(proc)
        if free < limits.min_free_memory_bytes:
            lowest = limits.min_free_memory_bytes
            yield f"memory is short: {_gib(free)} GiB available, and min_free_memory_bytes is {_gib(lowest)} GiB"
    for kind in KINDS:
        highest = getattr(limits, f"max_{kind}_pressure")
        if highest is not None and (pressure := _pressure(proc / "pressure" / kind)) > highest:
            yield f"the machine is busy: {kind} pressure {pressure:g} %, and max_{kind}_pressure is {highest:g}"


def _available_bytes(proc: Path) -> int:
    """MemAvailable: the memory that programs can get without swapping; see proc(5)."""
    for line in (proc / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no MemAvailable in meminfo")


def _pressure(file: Path) -> float:
    """The percentage of the last 10 seconds in which a task waited; 0 when the kernel does not report it."""
    try:
        some = file.read_text().splitlines()[0]
    except OSError as exc:
        log.warning("pressure_not_read file=%s error=%s", file, exc)
        return 0.0
    return float(some.split()[1].removeprefix("avg10="))


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**3:.3g}"
