"""A month of jobs in a few minutes: the daemon's own classes, a clock that jumps, and every promise checked.

Batches and single jobs of many projects come at random, with priorities, needs and dependencies; some are cancelled,
some get another priority; limits change each day, and the daemon crashes each week.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from luzia_protocol.jobs import JobState  # noqa: E402

from bench.house import House  # noqa: E402
from luziad.jobs.record import JobRecord  # noqa: E402
from luziad.jobs.requirements import Requirements, Wants  # noqa: E402
from luziad.scheduling.ready.limits import Limits  # noqa: E402

MONTH_S = 30 * 86_400.0
PROJECTS = 40
AGENTS = ("claude", "codex", "shell")
LOOKED_AT = 500
"""Each so manieth decision is checked against all that waits, and not only against the limits."""


class Report(NamedTuple):
    """jobs: that came. decisions: starts. cancelled: before they started. waiting: at most at once.

    checked: decisions that were compared with all jobs that waited. seconds: of the processor.
    """

    jobs: int
    decisions: int
    cancelled: int
    waiting: int
    checked: int
    seconds: float


class Month:
    """One run. Every random choice follows from the seed. Raises AssertionError when a promise is broken.

    jobs: how many come. span_s: the time in which they do, 30 days of a shorter year when it is less than a month.
    """

    def __init__(self, jobs: int, seed: int, span_s: float = MONTH_S) -> None:
        self.jobs = jobs
        self._span_s = span_s
        self._random = random.Random(seed)
        self._limits = self._new_limits()
        self._house = House(self._limits)
        self._events: list[tuple[float, int, str, JobRecord | None]] = []
        self._n = 0
        self._came = self._ended = self._cancelled = self._decisions = self._checked = self._most = 0
        self._running: dict[str, Wants] = {}
        self._taken: Counter[tuple[str, str]] = Counter()
        self._over = False  # a new limit is below what runs already

    def run(self) -> Report:
        """Live through the month, and on until nothing is left."""
        before = time.process_time()
        self._at(0.0, "arrival")
        for day in range(1, 30):
            self._at(day * self._span_s / 30, "crash" if day % 7 == 0 else "limits")
        while self._events:
            self._house.now, _, what, record = heappop(self._events)
            self._happen(what, record)
            self._take_starts()
        assert self._came == self.jobs == self._ended, "everything that came has ended"
        assert not self._running
        assert not self._house.ready.running
        assert not self._house.ready.waiting
        spent_s = time.process_time() - before
        return Report(self.jobs, self._decisions, self._cancelled, self._most, self._checked, spent_s)

    # ------------------------------------------------------------------ what happens

    def _at(self, when: float, what: str, record: JobRecord | None = None) -> None:
        self._n += 1
        heappush(self._events, (when, self._n, what, record))

    def _happen(self, what: str, record: JobRecord | None) -> None:
        if what == "end":
            assert record is not None
            self._end(record)
        elif what == "arrival":
            self._arrive()
        elif what == "limits":
            self._limits = self._new_limits()
            self._over = True
            self._house.ready.set_limits(self._limits)
            self._house.pump()
        elif what == "crash":
            self._over = True
            self._house.restart()
        elif what == "cancel" and record is not None and record.status.state is JobState.QUEUED:
            self._cancelled += 1
            self._forget(record)
        elif what == "priority" and record is not None and record.id in self._house.ready.waiting:
            self._house.ready.reprioritise(record.id, self._random.choice((-5, 0, 5)))

    def _arrive(self) -> None:
        """A batch or a single job of some project, and when the next ones come."""
        chance = self._random
        project = f"p{min(int(chance.expovariate(0.12)), PROJECTS - 1)}"
        wanted = 1 if chance.random() < 0.7 else int(chance.expovariate(1 / 60)) + 1
        if chance.random() < 0.002:
            wanted = 5000
        size = min(wanted, self.jobs - self._came)
        self._came += size
        parent: JobRecord | None = None
        chained = chance.random() < 0.5
        for _ in range(size):
            record = self._house.dispatch(project, chance.choice(AGENTS), self._claims(), parent if chained else None)
            parent = record if chance.random() < 0.3 else None
            fate = chance.random()
            if fate < 0.04:
                self._at(self._house.now + chance.expovariate(1 / 600), "cancel" if fate < 0.02 else "priority", record)
        self._house.pump()
        self._most = max(self._most, self._house.table.queued)
        if self._came < self.jobs:
            self._at(self._house.now + chance.expovariate(self.jobs / 29 / self._span_s), "arrival")

    def _claims(self) -> Requirements | None:
        chance = self._random.random()
        if chance < 0.6:
            return None
        if chance < 0.8:
            return Requirements(priority=self._random.choice((-5, 5)))
        if chance < 0.9:
            return Requirements(needs={"gpu": self._random.randint(1, 3)})
        if chance < 0.95:
            return Requirements(needs={"gpu": 1, "db": 1})
        return Requirements(cpus=self._random.choice((0.5, 1, 2)), memory_bytes=self._random.choice((1, 2, 4)) << 30)

    def _new_limits(self) -> Limits:
        chance = self._random
        return Limits(
            slots=chance.randint(24, 48),
            projects={f"p{number}": chance.randint(2, 10) for number in range(0, PROJECTS, 3)},
            agents={"claude": chance.randint(10, 20)},
            weights={f"p{number}": chance.choice((0.5, 2.0)) for number in range(0, PROJECTS, 5)},
            resources={"gpu": chance.randint(3, 6), "db": 1, "cpus": 800, "memory": 256},
            starvation_after_s=600.0,
        )

    # ------------------------------------------------------------------ starts and ends

    def _take_starts(self) -> None:
        started, self._house.started = self._house.started, []
        for record in started:
            self._decisions += 1
            wants = record.wants
            self._account(record.id, wants, +1)
            self._at(self._house.now + self._random.expovariate(1 / 40) + 0.1, "end", record)
        if started and not self._over:
            assert not self._exceeded(), "limits hold"
        if started and self._decisions % LOOKED_AT < len(started):
            self._look_at_all()

    def _end(self, record: JobRecord) -> None:
        self._account(record.id, self._running[record.id], -1)
        if self._over:
            self._over = self._exceeded()
        self._forget(record)

    def _forget(self, record: JobRecord) -> None:
        self._ended += 1
        self._house.end(record)
        self._house.table.remove(record)

    def _account(self, job: str, wants: Wants, by: int) -> None:
        """Keep count of what runs, apart from the queue's own books."""
        if by > 0:
            assert job not in self._running, "a job starts once"
            self._running[job] = wants
        else:
            del self._running[job]
        self._taken["project", wants.project] += by
        self._taken["agent", wants.agent] += by
        for name, amount in wants.needs:
            self._taken["resource", name] += by * amount

    def _exceeded(self) -> bool:
        limits, taken = self._limits, self._taken
        return (
            len(self._running) > limits.slots
            or any(taken["project", name] > most for name, most in limits.projects.items())
            or any(taken["agent", name] > most for name, most in limits.agents.items())
            or any(taken["resource", name] > most for name, most in limits.resources.items())
        )

    def _look_at_all(self) -> None:
        """Nothing that waits could start, unless what it needs is kept for another; who runs is who should."""
        self._checked += 1
        ready = self._house.ready
        assert ready.held.keys() == self._running.keys(), "what is held is what runs"
        if len(self._running) >= self._limits.slots or ready.reserved is not None:
            return
        kinds = {entry.line for entry in ready.waiting.values()}
        for line in kinds:
            wants = Wants(line.project.name, line.shape.agent, 0, line.shape.needs)
            self._account("?", wants, +1)
            exceeded = self._exceeded()
            self._account("?", wants, -1)
            assert exceeded, f"nothing is left that could start, such as {wants}"


def main() -> int:
    report = Month(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, seed=1).run()
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
