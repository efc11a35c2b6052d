"""Gates hold queued jobs back, say why, and let them into the ready queue when they open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from luzia_protocol.jobs import Terms

from luziad.clocks import timer_queue
from luziad.clocks.clock import on_wall_clock
from luziad.clocks.timer import ClockTimer
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.scheduling.gates.gates import MAX_AT_ONCE, Gate, Gates
from luziad.scheduling.gates.start_time import StartTimeGate
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue


class Door(Gate):
    """A gate for the jobs of one project, opened and closed by hand."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.shut = True
        self.held: list[JobRecord] = []

    def is_closed(self, record: JobRecord) -> bool:
        return self.shut and record.project == self.project

    def reason(self, record: JobRecord) -> str:
        return f"the door of {self.project}"

    def hold(self, record: JobRecord) -> None:
        self.held.append(record)

    def drop(self, record: JobRecord) -> None:
        self.held.remove(record)

    def open(self, gates: Gates) -> None:
        self.shut = False
        held, self.held = self.held, []
        gates.admit(*held)


class Open:
    """A queue that is never paused."""

    def reason(self, record: JobRecord) -> str | None:
        return None


class Idle:
    """A machine that is never busy."""

    reason: str | None = None


def job(n: int, project: str = "a", not_before: float | None = None) -> JobRecord:
    terms = None if not_before is None else Terms(not_before=datetime.fromtimestamp(not_before, UTC))
    spec = JobSpec(project=project, directory="/", agent="shell", created_at=0.0, terms=terms)
    return JobRecord(n, str(n), spec, JobStatus())


def drain(ready: ReadyQueue) -> list[str]:
    taken = []
    while (popped := ready.pop(0.0)) is not None:
        taken.append(popped)
    return taken


def built(*doors: Door, work: list[Iterator[None]] | None = None) -> tuple[Gates, ReadyQueue]:
    """work: gets what is to be done in turns."""
    ready = ReadyQueue(Limits(10_000))
    gates = Gates(ready, lambda: None, Open(), Idle(), Idle(), ([] if work is None else work).append)
    gates.add(*doors)
    return gates, ready


def test_a_job_that_no_gate_holds_is_ready_at_once() -> None:
    gates, ready = built(Door("b"))
    gates.enter(job(1))
    assert drain(ready) == ["1"]


def test_a_held_job_is_not_ready_says_why_and_comes_when_its_gate_opens() -> None:
    door = Door("a")
    gates, ready = built(door)
    first, second = job(1), job(2)
    gates.enter(first)
    gates.enter(second)
    assert drain(ready) == []
    assert gates.reason(first) == "the door of a"
    door.open(gates)
    assert drain(ready) == ["1", "2"]


def test_many_jobs_enter_in_turns_in_their_order_without_those_that_end_meanwhile() -> None:
    door, work = Door("a"), list[Iterator[None]]()
    gates, ready = built(door, work=work)
    records = [job(n) for n in range(MAX_AT_ONCE + 1)]
    for record in records:
        gates.enter(record)
    door.open(gates)
    [turns] = work
    next(turns)
    assert drain(ready) == ["0"]
    assert gates.reason(records[1]) == "about to be queued"
    assert gates.has(records[1])
    gates.discard(records[1])
    assert not gates.has(records[1])
    gates.reconsider(records[2])
    assert drain(ready) == ["2"]
    assert sum(1 for _ in turns) == MAX_AT_ONCE - 2
    assert drain(ready) == [record.id for record in records[3:]]
    assert not any(gates.has(record) for record in records)


def test_jobs_that_are_let_go_while_others_enter_follow_them() -> None:
    doors, work = (Door("a"), Door("b")), list[Iterator[None]]()
    gates, ready = built(*doors, work=work)
    records = [job(n, project) for project in "ab" for n in range(MAX_AT_ONCE + 1)]
    records = [replace(record, id=f"{record.project}{record.n}") for record in records]
    for record in records:
        gates.enter(record)
    for door in doors:
        door.open(gates)
    for turns in work:
        for _ in turns:
            pass
    assert sorted(drain(ready)) == sorted(record.id for record in records)


def test_a_job_passes_one_gate_after_the_other() -> None:
    doors = Door("a"), Door("a")
    gates, ready = built(*doors)
    gates.enter(job(1))
    doors[0].open(gates)
    assert drain(ready) == []
    doors[1].open(gates)
    assert drain(ready) == ["1"]


def test_a_cancelled_job_is_dropped_wherever_it_is() -> None:
    door = Door("a")
    gates, ready = built(door)
    held, waiting = job(1), job(2, "b")
    for record in (held, waiting):
        gates.enter(record)
        gates.discard(record)
    door.open(gates)
    assert (drain(ready), door.held) == ([], [])


def test_a_gate_that_closes_late_catches_the_job_when_its_slot_is_there() -> None:
    door = Door("a")
    door.shut = False
    gates, ready = built(door)
    record = job(1)
    gates.enter(record)
    door.shut = True
    assert gates.reason(record) == "the door of a"
    assert ready.pop(0.0) == "1"
    assert gates.hold_if_closed(record)
    ready.undo("1")
    door.open(gates)
    assert drain(ready) == ["1"]


def test_a_job_is_asked_again_when_what_a_gate_goes_by_has_changed() -> None:
    door = Door("a")
    gates, ready = built(door)
    record = job(1)
    gates.enter(record)
    door.shut = False
    gates.reconsider(record)
    assert (drain(ready), door.held) == (["1"], [])


def test_a_job_that_is_put_back_goes_before_the_others_when_no_gate_is_closed() -> None:
    gates, ready = built()
    gates.enter(job(1))
    gates.enter(job(2), front=True)
    assert drain(ready) == ["2", "1"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "cancel", "open", "shut"])), max_size=60))
def test_a_job_is_held_or_ready_and_never_both_or_lost(steps: list[tuple[str, str]]) -> None:
    doors = {name: Door(name) for name in "abc"}
    gates, ready = built(*doors.values())
    queued: dict[str, JobRecord] = {}
    for n, (project, step) in enumerate(steps):
        if step == "enter":
            queued[str(n)] = job(n, project)
            gates.enter(queued[str(n)])
        elif step == "cancel" and queued:
            gates.discard(queued.pop(next(iter(queued))))
        elif step == "open":
            doors[project].open(gates)
        else:
            doors[project].shut = True
    held = [record.id for door in doors.values() for record in door.held]
    assert sorted(held + drain(ready)) == sorted(queued)


class Admitted(list[str]):
    """The ids of the jobs that a gate let go, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def take(self, *records: JobRecord) -> None:
        self.extend(record.id for record in records)
        self._more.set()

    async def come(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self) < count:
                self._more.clear()
                await self._more.wait()


async def test_the_gate_of_time_lets_jobs_go_in_the_order_of_their_moments() -> None:
    admitted = Admitted()
    gate = StartTimeGate(admitted.take)
    now = time.time()
    for n, later in enumerate((0.3, 0.1, 0.2, 3600.0)):
        record = job(n, not_before=now + later)
        assert gate.is_closed(record)
        gate.hold(record)
    await admitted.come(3)
    gate.close()
    assert admitted == ["1", "2", "0"]
    assert time.time() >= now + 0.3


async def test_a_dropped_job_stays_where_it_is_when_its_moment_comes() -> None:
    admitted = Admitted()
    gate = StartTimeGate(admitted.take)
    now = time.time()
    dropped, kept = job(1, not_before=now + 0.1), job(2, not_before=now + 0.2)
    gate.hold(dropped)
    gate.hold(kept)
    gate.drop(dropped)
    await admitted.come(1)
    gate.close()
    assert admitted == ["2"]


async def test_a_moment_that_is_over_holds_nobody() -> None:
    gate = StartTimeGate(lambda *records: None)
    assert not gate.is_closed(job(1))
    assert not gate.is_closed(job(2, not_before=time.time() - 1))
    assert not gate.is_closed(job(3, not_before=-1e9))


async def test_many_dropped_jobs_leave_nothing_behind() -> None:
    agenda = TimerQueue[JobRecord](lambda records: None)
    records = [job(n) for n in range(5000)]
    for record in records:
        agenda.put(record, on_wall_clock(time.time() + 3600 + record.n))
    for record in records:
        agenda.drop(record)
    assert all(len(part._heap) <= 1000 for part in agenda._queues.values())
    agenda.close()


async def test_many_items_that_are_due_at_once_come_in_several_turns_in_their_order() -> None:
    came: list[list[JobRecord]] = []
    over = asyncio.Event()
    records = [job(n) for n in range(2 * timer_queue.MAX_AT_ONCE + 1)]

    def due(items: list[JobRecord]) -> None:
        came.append(items)
        if sum(map(len, came)) == len(records):
            over.set()

    agenda = TimerQueue[JobRecord](due)
    for record in records:
        agenda.put(record, on_wall_clock(time.time() - 1))
    async with asyncio.timeout(60):
        await over.wait()
    agenda.close()
    assert [len(items) for items in came] == [timer_queue.MAX_AT_ONCE, timer_queue.MAX_AT_ONCE, 1]
    assert [record.n for items in came for record in items] == [*range(len(records))]


async def test_a_timer_that_was_set_to_the_past_fires_and_one_that_was_set_to_nothing_does_not() -> None:
    fired: list[float] = []
    timer = ClockTimer(lambda: fired.append(time.time()))
    timer.set(None)
    timer.set(time.time() + 0.05)
    timer.set(None)
    came = asyncio.Event()
    second = ClockTimer(came.set)
    second.set(time.time() - 10)
    async with asyncio.timeout(60):
        await came.wait()
    timer.close()
    second.close()
    assert fired == []
