"""The gates between a queued job and the ready queue: the conditions that a job waits for besides a slot.

Every queued job comes to `enter`, whether it is new, retried, put back or loaded at a start. The first gate that is
closed for it holds it; when that gate opens it calls `admit`, and all gates are asked again: for many jobs at once in
turns, which leave time for other things. A gate may close when jobs have passed it already: they are asked once more
when they have a slot. The reason why a job waits is computed on request and never stored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Protocol

from luzia_protocol.waiting import GateState

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.scheduling.ready import explain
from luziad.scheduling.ready.queue import ReadyQueue

MAX_AT_ONCE = 1000
"""The number of jobs that enter in one turn of the event loop: some milliseconds."""


class Gate(JobObserver, ABC):
    """A condition that jobs may have to wait for. It is an observer too, to learn what it depends on.

    name: of the condition, as `luzia why` lists it.
    """

    name: ClassVar[str]

    @abstractmethod
    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job must wait now. Changes nothing, and is quick, because most jobs do not have to."""

    @abstractmethod
    def reason(self, record: JobRecord) -> str:
        """What the job waits for, as text, when the gate is closed for it."""

    def opens_at(self, record: JobRecord) -> float | None:
        """When the gate opens for a job for which it is closed, in epoch seconds; None when that is not known."""
        del record
        return None

    @abstractmethod
    def hold(self, record: JobRecord) -> None:
        """Hold a job for which the gate is closed, until `Gates.admit` is called with it."""

    @abstractmethod
    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer: it has ended, or all gates are asked again."""

    def close(self) -> None:
        """Stop the timers of the gate: the daemon stops."""


def _state(gate: Gate, record: JobRecord) -> GateState:
    if not gate.is_closed(record):
        return GateState(gate.name, is_open=True)
    opens_at = gate.opens_at(record)
    time = None if opens_at is None else datetime.fromtimestamp(opens_at, UTC)
    return GateState(gate.name, is_open=False, reason=gate.reason(record), opens_at=time)


class QueueReasons(Protocol):
    """Says why the queue is paused for a job; Exemptions."""

    def reason(self, record: JobRecord) -> str | None: ...


class Load(Protocol):
    """Says why the machine is too busy, or lacks something; MachineLoad, Shortage."""

    @property
    def reason(self) -> str | None: ...


class _Entrance(Gate):
    """Holds jobs that a gate has let go and that enter in a later turn, in their order.

    There may be very many: they are taken as they come, and the gate that has held them is not changed for each.
    """

    name = "turn"

    def __init__(self) -> None:
        self._groups: deque[dict[str, JobRecord]] = deque()

    def is_closed(self, record: JobRecord) -> bool:
        return any(record.id in group for group in self._groups)

    def reason(self, record: JobRecord) -> str:
        return "about to be queued"

    def hold(self, record: JobRecord) -> None:
        self.hold_all((record,))

    def hold_all(self, records: Sequence[JobRecord]) -> None:
        """Hold many jobs."""
        self._groups.append({record.id: record for record in records})

    def drop(self, record: JobRecord) -> None:
        for group in self._groups:
            if group.pop(record.id, None) is not None:
                return

    def next(self) -> JobRecord | None:
        """The job that enters next, which remains held."""
        while self._groups and not self._groups[0]:
            self._groups.popleft()
        return next(iter(self._groups[0].values())) if self._groups else None


class Gates:
    """Leads queued jobs past the gates into the ready queue.

    start_jobs: called when a job may be able to start. in_turns: does work in turns; see turns.Cascade.
    """

    def __init__(
        self,
        ready: ReadyQueue,
        start_jobs: Callable[[], None],
        queues: QueueReasons,
        machine: Load,
        shortage: Load,
        in_turns: Callable[[Iterator[None]], None],
    ) -> None:
        self._ready = ready
        self._start_jobs = start_jobs
        self._queues = queues
        self._machine = machine
        self._shortage = shortage
        self._in_turns = in_turns
        self._entrance = _Entrance()
        self._gates: tuple[Gate, ...] = ()
        self._held: dict[str, Gate] = {}

    def __iter__(self) -> Iterator[Gate]:
        """The gates in the order in which they are asked."""
        return iter(self._gates)

    def add(self, *gates: Gate) -> None:
        """Ask these gates after those that were added before. Call it before the first job enters."""
        self._gates += gates

    def enter(self, record: JobRecord, *, front: bool = False) -> None:
        """Take in a queued job. front: before all others, because it already had a slot."""
        if self.hold_if_closed(record):
            return
        if front:
            self._ready.push_front(record.id, record.wants)
        else:
            self._ready.push(record.id, record.wants)

    def has(self, record: JobRecord) -> bool:
        """Whether the job has entered: it is held at a gate, or waits for a slot."""
        return record.id in self._held or record.id in self._ready.waiting

    def hold_if_closed(self, record: JobRecord) -> bool:
        """Hold a job that is in no queue at the first gate that is closed for it; False when all are open."""
        for gate in self._gates:
            if gate.is_closed(record):
                gate.hold(record)
                self._held[record.id] = gate
                return True
        return False

    def admit(self, *records: JobRecord) -> None:
        """Let jobs enter again that a gate has held and has dropped."""
        if len(records) > MAX_AT_ONCE:
            self._admit_in_turns(records)
            return
        for record in records:
            del self._held[record.id]
            self.enter(record)
        self._start_jobs()

    def _admit_in_turns(self, records: Sequence[JobRecord]) -> None:
        is_busy = self._entrance.next() is not None
        self._entrance.hold_all(records)
        if not is_busy:
            self._in_turns(self._admit_each())

    def _admit_each(self) -> Iterator[None]:
        while (record := self._entrance.next()) is not None:
            self.discard(record)
            self.enter(record)
            yield
        self._start_jobs()  # only now, when the most urgent of them has entered

    def reconsider(self, record: JobRecord) -> None:
        """Ask all gates again, because a queued job has changed."""
        self.discard(record)
        self.enter(record)
        self._start_jobs()

    def discard(self, record: JobRecord) -> None:
        """Remove a job that is no longer queued, wherever it waits."""
        gate = self._held.pop(record.id, None)
        if gate is None:
            self._ready.discard(record.id)
        elif self._entrance.is_closed(record):
            self._entrance.drop(record)
        else:
            gate.drop(record)

    def states(self, record: JobRecord) -> list[GateState]:
        """Every condition for the start of a queued job, in the order in which `reason` asks them."""
        found = [_state(gate, record) for gate in (self._entrance, *self._gates)]
        if found[0].is_open:
            del found[0]  # it exists only while many jobs enter
        for name, reason in (("queue", self._queues.reason(record)), ("machine", self._shortage.reason)):
            found.append(GateState(name, reason is None, reason))
        is_ready = all(each.is_open for each in found)
        lacks = explain.missing(self._ready, record.id)
        found.append(GateState("slots", lacks is None if is_ready else None, lacks))
        if self._machine.reason is not None:
            found.append(GateState("load", is_open=False, reason=self._machine.reason))
        return found

    def reason(self, record: JobRecord, *, whole: bool = False) -> str:
        """Why a queued job does not start now, as text. whole: with its position among those that are ready."""
        gate = self._entrance if self._entrance.is_closed(record) else self._held.get(record.id)
        gate = gate or next((gate for gate in self._gates if gate.is_closed(record)), None)
        if gate is not None:
            return gate.reason(record)
        paused = self._queues.reason(record)
        if paused is not None:
            return paused
        if self._shortage.reason is not None:
            return self._shortage.reason
        return explain.why(self._ready, record.id, whole=whole, otherwise=self._machine.reason)
