"""The gates between a queued job and the ready queue: what a job may have to wait for besides a slot.

Every job that is queued comes to `enter`, whether it is new, retried, put back or loaded after a start. The first
gate that is closed for it keeps it; when that gate opens it calls `admit`, and all gates are asked again. A gate
may also close when jobs have passed already: they are asked once more when their slot is there. Why a job waits
is worked out when somebody asks, and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from luziad.jobs.record import JobRecord
from luziad.scheduling.ready import explain
from luziad.scheduling.ready.queue import ReadyQueue


class Gate(Protocol):
    """One thing that jobs may have to wait for. Most jobs do not: `closed` must be quick to say so."""

    def closed(self, record: JobRecord) -> bool:
        """Whether the job must wait now. Changes nothing."""

    def why(self, record: JobRecord) -> str:
        """What the job waits for, in words, when this gate is closed for it."""

    def keep(self, record: JobRecord) -> None:
        """Hold a job for which the gate is closed, and give it to Gates.admit when that is over."""

    def drop(self, record: JobRecord) -> None:
        """A job that is held waits no more: it ended, or it is to be asked about again."""


class Busy(Protocol):
    """Says in `words` why nothing starts at all now, if so."""

    words: str | None


class Gates:
    """Leads queued jobs past the gates into the ready queue. `pump` starts what can start then.

    stopped: why nothing of the job's kind starts although no gate is closed for it, in words; None mostly.
    """

    def __init__(self, ready: ReadyQueue, pump: Callable[[], None], machine: Busy) -> None:
        self._ready = ready
        self._pump = pump
        self._machine = machine
        self._gates: tuple[Gate, ...] = ()
        self.stopped: Callable[[JobRecord], str | None] = lambda record: None
        self._held: dict[str, Gate] = {}

    def add(self, gate: Gate) -> None:
        """Put a gate behind those that are there; before any job comes."""
        self._gates += (gate,)

    def enter(self, record: JobRecord, *, front: bool = False) -> None:
        """Take in a job that is queued now. front: it had its turn already, so it goes before all others."""
        if self.caught(record):
            return
        if front:
            self._ready.push_front(record.id, record.wants)
        else:
            self._ready.push(record.id, record.wants)

    def has(self, record: JobRecord) -> bool:
        """Whether the job has come in: it is held at a gate, or waits for a slot."""
        return record.id in self._held or record.id in self._ready.waiting

    def caught(self, record: JobRecord) -> bool:
        """Whether a gate is closed for a job that is in no queue; it is held there then."""
        for gate in self._gates:
            if gate.closed(record):
                gate.keep(record)
                self._held[record.id] = gate
                return True
        return False

    def admit(self, *records: JobRecord) -> None:
        """Let jobs go on that a gate has held, and has dropped by now."""
        for record in records:
            del self._held[record.id]
            self.enter(record)
        self._pump()

    def ask_again(self, record: JobRecord) -> None:
        """Something that a gate goes by has changed for a queued job."""
        self.discard(record)
        self.enter(record)
        self._pump()

    def discard(self, record: JobRecord) -> None:
        """Take out a job that is queued no more, wherever it is."""
        gate = self._held.pop(record.id, None)
        if gate is None:
            self._ready.discard(record.id)
        else:
            gate.drop(record)

    def why(self, record: JobRecord, *, whole: bool = False) -> str:
        """Why a queued job does not start now, in words; `whole` also tells its place among those that are ready."""
        gate = self._held.get(record.id) or next((gate for gate in self._gates if gate.closed(record)), None)
        if gate is not None:
            return gate.why(record)
        words = self.stopped(record)
        if words is not None:
            return words
        return explain.why(self._ready, record.id, whole=whole, otherwise=self._machine.words)
