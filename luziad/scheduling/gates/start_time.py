"""The gate of start times: holds jobs until the time before which they may not start."""

from __future__ import annotations

from collections.abc import Callable

from luziad.clocks.format import format_duration, format_time
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.record import JobRecord
from luziad.jobs.start_time import next_start, next_start_at
from luziad.scheduling.gates.gates import Gate


class StartTimeGate(Gate):
    """Closed for a job until its start time. `admit` is that of Gates."""

    name = "start time"

    def __init__(self, admit: Callable[..., None]) -> None:
        self._timers = TimerQueue[JobRecord](lambda due: admit(*due))

    def close(self) -> None:
        """Stop the timers."""
        self._timers.close()

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job's start time is in the future."""
        at = next_start(record)
        return at is not None and at.left_s > 0

    def reason(self, record: JobRecord) -> str:
        """`starts at 23:30, in 7m30s`, or `retry 2 of 3 in 8 s, after: exit code 1`."""
        at, retry, moment = next_start(record), record.status.retry_state, next_start_at(record)
        assert at is not None
        assert moment is not None
        left = format_duration(at.left_s)
        if retry is None or retry.not_before is None:
            return f"starts at {format_time(moment)}, in {left}"
        said = record.attempt.reason if record.attempt else None
        return f"{retry.description or 'starts'} in {left}" + (f", after: {said}" if said else "")

    def opens_at(self, record: JobRecord) -> float | None:
        """The job's start time."""
        return next_start_at(record)

    def hold(self, record: JobRecord) -> None:
        """Hold the job until its start time."""
        at = next_start(record)
        assert at is not None
        self._timers.put(record, at)

    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer."""
        self._timers.drop(record)
