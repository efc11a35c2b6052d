"""In every order of events: what is held, paused or stopped does not start, and it does when nothing is any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.gates.hold import HoldGate
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue

PROJECTS = "abc"


class Step(NamedTuple):
    """do: what happens. which: to which of the jobs that it can happen to. project: whose; paused: which are then."""

    do: str
    which: int
    project: str
    paused: frozenset[str]


steps = st.lists(
    st.builds(
        Step,
        do=st.sampled_from(
            ["dispatch"] * 4 + ["end"] * 3 + ["hold", "hold", "release", "pause", "pause", "drain", "undrain"]
        ),
        which=st.integers(0, 1000),
        project=st.sampled_from(PROJECTS),
        paused=st.frozensets(st.sampled_from(PROJECTS)),
    ),
    max_size=60,
)


class Open:
    """A queue that is never paused."""

    def reason(self, record: JobRecord) -> str | None:
        return None


class Idle:
    """A machine that is never busy."""

    reason: str | None = None


def do_at_once(work: Iterator[None]) -> None:
    """What is to be done in turns, without the turns."""
    for _ in work:
        pass


class House:
    """Starts jobs as the scheduler does, with the real gates and the real queue."""

    def __init__(self, slots: int) -> None:
        self.ready = ReadyQueue(Limits(slots))
        self.gates = Gates(self.ready, self.pump, Open(), Idle(), Idle(), do_at_once)
        self.gates.add(HoldGate())
        self.queued: dict[str, JobRecord] = {}
        self.running: dict[str, JobRecord] = {}
        self.paused: frozenset[str] = frozenset()
        self.draining = False
        self._count = 0

    def take(self, step: Step) -> None:
        """Let something happen, and start what can start."""
        pool = self.running if step.do == "end" else self.queued
        record = pool[sorted(pool)[step.which % len(pool)]] if pool else None
        if step.do == "dispatch":
            self._dispatch(step.project)
        elif step.do == "pause":
            self.paused = step.paused
            self.ready.pause(step.paused)
        elif step.do in ("drain", "undrain"):
            self.draining = step.do == "drain"
        elif record is not None and step.do == "end":
            del self.running[record.id]
            self.ready.release(record.id)
        elif record is not None:
            record.status.held_at = 1.0 if step.do == "hold" else None
            self.gates.reconsider(record)
        self.pump()

    def pump(self) -> None:
        """What the scheduler's own does."""
        if self.draining:
            return
        while (job := self.ready.pop(0.0)) is not None:
            record = self.queued[job]
            if self.gates.hold_if_closed(record):
                self.ready.undo(job)
                continue
            assert record.status.held_at is None
            assert record.project not in self.paused
            self.running[job] = self.queued.pop(job)
        free = self.ready.slots - self.ready.running
        assert free == 0 or not any(self._may_start(record) for record in self.queued.values())

    def _may_start(self, record: JobRecord) -> bool:
        return record.status.held_at is None and record.project not in self.paused

    def _dispatch(self, project: str) -> None:
        self._count += 1
        spec = JobSpec(project=project, directory="/", agent="shell", created_at=0.0)
        record = JobRecord(self._count, f"j{self._count:03}", spec, JobStatus())
        self.queued[record.id] = record
        self.gates.enter(record)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 4), steps)
def test_what_may_not_start_never_starts_and_everything_starts_when_it_may(slots: int, events: list[Step]) -> None:
    house = House(slots)
    for step in events:
        house.take(step)
    nothing = frozenset[str]()
    for record in [*house.queued.values()]:
        record.status.held_at = None
        house.gates.reconsider(record)
    house.take(Step("pause", 0, "a", nothing))
    house.take(Step("undrain", 0, "a", nothing))
    while house.running:
        house.take(Step("end", 0, "a", nothing))
    assert not house.queued
