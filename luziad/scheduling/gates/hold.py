"""The gate of what people hold back: a queued job that is held does not start until somebody releases it."""

from __future__ import annotations

import time

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Held, Released
from luzia_protocol.jobs import JobState

from luziad.clocks.format import format_time
from luziad.jobs.record import JobRecord
from luziad.journal.events import EventFactory
from luziad.journal.journal import Callback, Journal
from luziad.scheduling.gates.gates import Gates


class HoldGate:
    """Closed for jobs that are held, which stands in their fate. Whoever releases one has it asked about again."""

    def closed(self, record: JobRecord) -> bool:
        """Whether somebody holds the job."""
        return record.status.held_at is not None

    def why(self, record: JobRecord) -> str:
        """`held since 14:05; luzia release 113754-a2f5 lets it start`, with the command in backquotes."""
        assert record.status.held_at is not None
        return f"held since {format_time(record.status.held_at)}; `luzia release {record.id}` lets it start"

    def keep(self, record: JobRecord) -> None:
        """Nothing more is to be known."""

    def drop(self, record: JobRecord) -> None:
        """Nor forgotten."""


class Holding:
    """What `hold` and `release` do to one job."""

    def __init__(self, gates: Gates, journal: Journal, facts: EventFactory) -> None:
        self._gates = gates
        self._journal = journal
        self._facts = facts

    def hold(self, record: JobRecord, then: Callback) -> None:
        """Keep the job from starting. Raises Refused when it is not queued."""
        _must_be_queued(record)
        record.status.held_at = record.status.held_at or time.time()
        self._journal.record(record, self._facts.of_job(Held, record), then)
        self._gates.ask_again(record)

    def release(self, record: JobRecord, then: Callback) -> None:
        """Let it start when it can. Raises Refused when it is not queued."""
        _must_be_queued(record)
        record.status.held_at = None
        self._journal.record(record, self._facts.of_job(Released, record), then)
        self._gates.ask_again(record)


def _must_be_queued(record: JobRecord) -> None:
    if record.status.state is not JobState.QUEUED:
        raise Refused(ErrorCode.JOB_NOT_QUEUED, f"job {record.id} is {record.status.state.value.replace('_', ' ')}")
