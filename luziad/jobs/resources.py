"""What jobs take of the machine and of the named resources, in whole units, and how that is said.

CPUs are counted in hundredths, memory in blocks of 64 MiB, all others one by one.
"""

from __future__ import annotations

from math import ceil

CPUS = "cpus"
MEMORY = "memory"
MACHINE = {CPUS: "cpus", MEMORY: "memory_bytes"}
"""Resources that every machine has, and the settings of [daemon] that say how much."""

CPU_UNITS = 100
BLOCK_BYTES = 64 * 1024 * 1024


def cpu_units(cpus: float) -> int:
    """A number of CPUs in units, rounded up."""
    return ceil(round(cpus * CPU_UNITS, 6))


def memory_blocks(size_bytes: int) -> int:
    """A size in blocks, rounded up."""
    return -(-size_bytes // BLOCK_BYTES)


def amount_words(name: str, amount: int) -> str:
    """How much of a resource: `gpu=1`, `2 CPUs`, `4 GiB of memory`."""
    if name == CPUS:
        return f"{amount / CPU_UNITS:g} {'CPU' if amount == CPU_UNITS else 'CPUs'}"
    if name == MEMORY:
        return f"{_gib(amount)} GiB of memory"
    return f"{name}={amount}"


def stock_words(name: str, capacity: int, used: int) -> str:
    """How much of it is left: `0 of 1 free`, or that there is too little of it at all."""
    free = max(0, capacity - used)
    if name == CPUS:
        return f"{free / CPU_UNITS:g} of {capacity / CPU_UNITS:g} free"
    if name == MEMORY:
        return f"{_gib(free)} of {_gib(capacity)} GiB free"
    return f"{free} of {capacity} free"


def _gib(blocks: int) -> str:
    return f"{blocks * BLOCK_BYTES / 1024**3:.4g}"
