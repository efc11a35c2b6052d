"""The machine's load, memory and pressure delay starts while they are beyond their bounds, and say so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from luziad.config.schema import DaemonConfig
from luziad.scheduling import machine_load
from luziad.scheduling.machine_load import MachineLoad, busy_reasons


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "loadavg").write_text("9.50 4.00 2.00 3/400 12345\n")
    (tmp_path / "meminfo").write_text("MemTotal:  16777216 kB\nMemFree:  1 kB\nMemAvailable:  1048576 kB\n")
    (tmp_path / "pressure").mkdir()
    for kind, share in (("cpu", 10), ("memory", 20), ("io", 62.5)):
        (tmp_path / "pressure" / kind).write_text(f"some avg10={share:.2f} avg60=0.00 avg300=0.00 total=1\nfull x\n")
    return tmp_path


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (DaemonConfig(), []),
        (DaemonConfig(max_load=9.5), []),
        (DaemonConfig(max_load=8), ["the machine is busy: load 9.5, and max_load is 8"]),
        (DaemonConfig(min_free_memory_bytes=1 << 30), []),
        (
            DaemonConfig(min_free_memory_bytes=2 << 30),
            ["memory is short: 1 GiB available, and min_free_memory_bytes is 2 GiB"],
        ),
        (DaemonConfig(max_cpu_pressure=10, max_memory_pressure=20, max_io_pressure=70), []),
        (
            DaemonConfig(max_cpu_pressure=5, max_io_pressure=50),
            [
                "the machine is busy: cpu pressure 10 %, and max_cpu_pressure is 5",
                "the machine is busy: io pressure 62.5 %, and max_io_pressure is 50",
            ],
        ),
    ],
)
def test_what_is_beyond_its_bound_is_told(proc: Path, bounds: DaemonConfig, words: list[str]) -> None:
    assert list(busy_reasons(bounds, proc)) == words


def test_without_bounds_nothing_is_read(tmp_path: Path) -> None:
    assert list(busy_reasons(DaemonConfig(), tmp_path / "nothing")) == []


def test_a_kernel_that_tells_no_pressure_has_none(tmp_path: Path) -> None:
    assert list(busy_reasons(DaemonConfig(max_io_pressure=1), tmp_path)) == []


async def test_it_asks_again_while_it_is_busy_and_never_when_it_is_not(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_load, "RECHECK_S", 0.01)
    asked = asyncio.Event()
    gate = MachineLoad(DaemonConfig(max_load=8), asked.set, proc)
    assert gate.is_busy()
    assert gate.reason == "the machine is busy: load 9.5, and max_load is 8"
    await asyncio.wait_for(asked.wait(), 60)
    (proc / "loadavg").write_text("1.0 1.0 1.0 1/1 1\n")
    gate.set_limits(DaemonConfig(max_load=8))
    assert not gate.is_busy()
    assert gate.reason is None
    assert gate._timer is None
    gate.close()
