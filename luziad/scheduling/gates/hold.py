"""The gate of held jobs: a queued job that a user holds does not start until it is released."""

from __future__ import annotations

import time
from collections.abc import Mapping

from luzia_protocol.errors import ErrorCode
from luzia_protocol.events import Held, Released
from luzia_protocol.jobs import JobState

from luziad.clocks.format import format_time
from luziad.jobs.record import JobRecord
from luziad.jobs.refusals import HOLD, RELEASE, wrong_state
from luziad.jobs.table import JobTable
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.gates.gates import Gate, Gates


class HoldGate(Gate):
    """Closed for jobs whose record says that they are held; HoldControl changes the record."""

    name = "hold"

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job is held."""
        return record.status.held_at is not None

    def reason(self, record: JobRecord) -> str:
        """`held since 14:05; release it with luzia release 113754-a2f5`, with the command in backquotes."""
        assert record.status.held_at is not None
        return f"held since {format_time(record.status.held_at)}; release it with `luzia release {record.id}`"

    def hold(self, record: JobRecord) -> None:
        """Needs nothing: the record says it."""

    def drop(self, record: JobRecord) -> None:
        """Needs nothing: the record says it."""


class HoldControl:
    """Holds and releases one job."""

    def __init__(self, table: JobTable, gates: Gates, journal: Journal) -> None:
        self._table = table
        self._gates = gates
        self._journal = journal

    def hold(self, record: JobRecord, then: Callback) -> None:
        """Keep the job from starting. Raises Refused when it is not queued."""
        _check_queued(record, HOLD)
        record.status.held_at = record.status.held_at or time.time()
        self._table.hold_changed(record)
        self._journal.record(record, self._journal.events.of_job(Held, record), then)
        self._gates.reconsider(record)

    def release(self, record: JobRecord, then: Callback) -> None:
        """Let the job start. Raises Refused when it is not queued."""
        _check_queued(record, RELEASE)
        record.status.held_at = None
        self._table.hold_changed(record)
        self._journal.record(record, self._journal.events.of_job(Released, record), then)
        self._gates.reconsider(record)


def _check_queued(record: JobRecord, hints: Mapping[JobState, str]) -> None:
    if record.status.state is not JobState.QUEUED:
        raise wrong_state(record, ErrorCode.JOB_NOT_QUEUED, hints)
