"""The daemon's own parts that decide what starts next, put together without a daemon: for measuring and simulating."""

from __future__ import annotations

from collections.abc import Iterator

from luzia_protocol.jobs import JobState

from luziad.jobs.dependencies import Dependencies
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.requirements import Requirements
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.dependencies import DependencyGate
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue


class Open:
    """A queue that is never paused."""

    def reason(self, record: JobRecord) -> str | None:
        return None


def _at_once(work: Iterator[None]) -> None:
    for _ in work:
        pass


class House:
    """Job table, gates and ready queue. `now` is the clock, in seconds, and whoever has a house sets it."""

    reason = None  # the machine is never busy here

    def __init__(self, limits: Limits) -> None:
        self.now = 0.0
        self.table = JobTable()
        self.ready = ReadyQueue(limits)
        self.started: list[JobRecord] = []
        self._n = 0
        self._build()

    def _build(self) -> None:
        self.gates = Gates(self.ready, self.pump, Open(), self, self, _at_once)
        self._dependencies = DependencyGate(self.table, self.gates.admit, self._skip, _at_once)
        self.gates.add(self._dependencies)

    def dispatch(
        self, project: str, agent: str = "claude", claims: Requirements | None = None, parent: JobRecord | None = None
    ) -> JobRecord:
        """Take in a job; with a parent it starts when that has ended."""
        self._n += 1
        spec = JobSpec(project=project, directory="/", agent=agent, created_at=self.now, requirements=claims)
        fate = JobStatus(dependencies=None if parent is None else Dependencies(ended=(parent.id,)))
        record = JobRecord(self._n, f"j{self._n}", spec, fate)
        self.table.add(record)
        self.gates.enter(record)
        return record

    def pump(self) -> None:
        """Start what can start now; `started` gets it."""
        while (job := self.ready.pop(self.now)) is not None:
            record = self.table.get(job)
            assert record is not None
            if self.gates.hold_if_closed(record):
                self.ready.undo(job)
                continue
            self._move(record, JobState.RUNNING)
            self.started.append(record)

    def end(self, record: JobRecord, state: JobState = JobState.COMPLETED) -> None:
        """A job has ended: let those go on that have waited for it, and start what can start now."""
        if record.status.state is JobState.QUEUED:
            self.gates.discard(record)
        else:
            self.ready.release(record.id)
        self._move(record, state)
        self._dependencies.job_ended(record)
        self.pump()

    def restart(self) -> None:
        """Forget everything but the jobs, and take them up again as the daemon does after a crash."""
        self.ready = ReadyQueue(self.ready.limits)
        self._build()
        for record in reversed(list(self.table.newest_first())):
            if record.status.state is JobState.QUEUED:
                self.gates.enter(record)
        for record in self.table.active():
            self.ready.occupy(record.id, record.wants)
        self.pump()

    def _move(self, record: JobRecord, state: JobState) -> None:
        before, record.status.state = record.status.state, state
        self.table.state_changed(record, before)

    def _skip(self, record: JobRecord, reason: str) -> None:
        raise AssertionError(f"{record.id} waits for any end, and is to be skipped: {reason}")
