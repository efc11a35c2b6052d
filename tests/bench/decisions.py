"""What it costs to decide which job starts next when one has ended, with few and with many jobs in the queue."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.house import House  # noqa: E402
from luziad.jobs.record import JobRecord  # noqa: E402
from luziad.scheduling.ready.limits import Limits  # noqa: E402

SLOTS = 8
ROUNDS = 20
IN_A_ROUND = 200


class Queue:
    """So many jobs over so many projects, half of them waiting for one of the others each."""

    def __init__(self, jobs: int, projects: int) -> None:
        self._projects = projects
        self._house = House(Limits(SLOTS))
        self._n = 0
        while self._house.table.queued < jobs:
            self._add()
        self._house.pump()
        self._running = self._house.started[:]

    def decisions(self) -> float:
        """The median time in seconds from an end, which lets a dependent job into the queue, to the next start."""
        spent: list[float] = []
        for _ in range(IN_A_ROUND):
            ended = self._running.pop(0)
            self._house.started.clear()
            before = time.perf_counter()
            self._house.end(ended)
            after = time.perf_counter()
            (started,) = self._house.started
            self._running.append(started)
            self._house.table.remove(ended)
            if ended.status.dependencies is None:
                spent.append(after - before)
                self._add()
        return statistics.median(spent)

    def _add(self) -> None:
        """A job, and one that waits for it."""
        self._n += 1
        parent: JobRecord = self._house.dispatch(f"p{self._n % self._projects}")
        self._house.dispatch(f"p{self._n * 7 % self._projects}", parent=parent)


def ratio() -> tuple[float, float, float]:
    """Seconds of a decision with 100 queued jobs and with 100,000 over 200 projects, and how many times as much."""
    few, many = Queue(100, 50), Queue(100_000, 200)
    gc.collect()
    gc.freeze()  # as the daemon does with the jobs that it has loaded
    pairs = [(few.decisions(), many.decisions()) for _ in range(ROUNDS)]
    gc.unfreeze()
    small, large = (statistics.median(each) for each in zip(*pairs, strict=True))
    return small, large, large / small


def main() -> int:
    small, large, times = ratio()
    print(f"{small * 1e6:.1f} µs with 100 jobs, {large * 1e6:.1f} µs with 100,000: {times:.2f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
