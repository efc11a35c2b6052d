"""The gate of time: holds jobs until the moment before which they may not start."""

from __future__ import annotations

from collections.abc import Callable

from luziad.clocks.format import format_duration, format_time
from luziad.clocks.timer_queue import TimerQueue
from luziad.jobs.record import JobRecord
from luziad.jobs.start_time import next_start, next_start_at


class TimeGate:
    """Holds jobs by the clock that they go by. `admit` is that of Gates."""

    def __init__(self, admit: Callable[..., None]) -> None:
        self._agenda = TimerQueue[JobRecord](lambda due: admit(*due))
        self.close = self._agenda.close
        self.drop = self._agenda.drop

    def closed(self, record: JobRecord) -> bool:
        """Whether the job's moment is still to come."""
        at = next_start(record)
        return at is not None and at.left_s > 0

    def why(self, record: JobRecord) -> str:
        """`starts at 23:30, in 7m30s`, or `retry 2 of 3 in 8 s, after: exit code 1`."""
        at, retry, moment = next_start(record), record.status.retry_state, next_start_at(record)
        assert at is not None
        assert moment is not None
        left = format_duration(at.left_s)
        if retry is None or retry.not_before is None:
            return f"starts at {format_time(moment)}, in {left}"
        said = record.attempt.reason if record.attempt else None
        return f"{retry.description or 'starts'} in {left}" + (f", after: {said}" if said else "")

    def keep(self, record: JobRecord) -> None:
        """Hold the job until its moment."""
        at = next_start(record)
        assert at is not None
        self._agenda.put(record, at)
