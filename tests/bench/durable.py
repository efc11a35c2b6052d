"""How many durable dispatches a second one connection makes, beside a server that does nothing else."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.measures import dispatch_pipelined, processor_s
from support import Connection, eventually, private_daemon

ROUNDS = 5
JOBS = 20_000


class Measured(NamedTuple):
    """Medians of the rounds, which alternate."""

    ours_per_s: float
    least_per_s: float
    ours_us: float
    """Processor time of a dispatch, of all threads of the daemon."""
    least_us: float


def measure() -> Measured:
    """Fill the queue of a daemon, and the table of the minimal server."""
    rates: tuple[list[float], list[float]] = ([], [])
    costs: tuple[list[float], list[float]] = ([], [])
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire, _minimal_server() as least:
        wire.ok(op="dispatch", project="overbits", task="sleep 100000")
        ours = (wire, int(wire.ok(op="info")["pid"]))
        for _ in range(ROUNDS):
            for which, (connection, pid) in enumerate((ours, least)):
                used_s, began = processor_s(pid), time.perf_counter()
                dispatch_pipelined(connection, JOBS, b'"task":"fix the login button"')
                rates[which].append(JOBS / (time.perf_counter() - began))
                costs[which].append((processor_s(pid) - used_s) / JOBS * 1e6)
    return Measured(*map(statistics.median, (*rates, *costs)))


@contextmanager
def _minimal_server() -> Iterator[tuple[Connection, int]]:
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        program = Path(__file__).with_name("minimal_server.py")
        process = subprocess.Popen([sys.executable, str(program), directory])
        try:
            path = Path(directory, "socket")
            eventually(path.exists, "the minimal server")
            with Connection(str(path)) as connection:
                yield connection, process.pid
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    print(measure())
