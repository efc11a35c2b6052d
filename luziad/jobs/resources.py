"""The resources that jobs reserve, in whole units, and their description. Pure.

CPUs are counted in hundredths, memory in blocks of 64 MiB, and other resources one by one.
"""

from __future__ import annotations

from math import ceil

CPUS = "cpus"
MEMORY = "memory"
MACHINE = {CPUS: "cpus", MEMORY: "memory_bytes"}
"""The resources of every machine -> their settings in [daemon]."""

CPU_UNITS = 100
BLOCK_BYTES = 64 * 1024 * 1024


def cpu_units(cpus: float) -> int:
    """A number of CPUs in units, rounded up."""
    return ceil(round(cpus * CPU_UNITS, 6))


def memory_blocks(size_bytes: int) -> int:
    """A size in blocks, rounded up."""
    return -(-size_bytes // BLOCK_BYTES)


def describe_amount(name: str, amount: int) -> str:
    """An amount of a resource: `gpu=1`, `2 CPUs`, `4 GiB of memory`."""
    if name == CPUS:
        return f"{amount / CPU_UNITS:g} {'CPU' if amount == CPU_UNITS else 'CPUs'}"
    if name == MEMORY:
        return f"{_gib(amount)} GiB of memory"
    return f"{name}={amount}"


def describe_free(name: str, capacity: int, used: int) -> str:
    """The free amount of a resource: `0 of 1 free`."""
    free = max(0, capacity - used)
    if name == CPUS:
        return f"{free / CPU_UNITS:g} of {capacity / CPU_UNITS:g} free"
    if name == MEMORY:
        return f"{_gib(free)} of {_gib(capacity)} GiB free"
    return f"{free} of {capacity} free"


def _gib(blocks: int) -> str:
    size = blocks * BLOCK_BYTES / 1024**3
    return f"{size:.4g}" if size < 1000 else f"{size:.0f}"
