"""The gate of time: holds jobs until the moment before which they may not start."""

from __future__ import annotations

import time
from collections.abc import Callable

from luziad.clocks.clock import shown_start, start_of
from luziad.clocks.timer_queue import Agenda
from luziad.jobs.record import JobRecord


class TimeGate:
    """Holds jobs by the clock that they go by. `admit` is that of Gates."""

    def __init__(self, admit: Callable[..., None]) -> None:
        self._agenda = Agenda(lambda due: admit(*due))
        self.close = self._agenda.close
        self.drop = self._agenda.drop

    def closed(self, record: JobRecord) -> bool:
        """Whether the job's moment is still to come."""
        at = start_of(record)
        return at is not None and at.left_s > 0

    def why(self, record: JobRecord) -> str:
        """`starts at 23:30, in 7m30s`, or `retry 2 of 3 in 8 s, after: exit code 1`."""
        at, again, moment = start_of(record), record.fate.again, shown_start(record)
        assert at is not None
        assert moment is not None
        left = span(at.left_s)
        if again is None or again.not_before is None:
            return f"starts at {clock(moment)}, in {left}"
        said = record.attempt.reason if record.attempt else None
        return f"{again.what or 'starts'} in {left}" + (f", after: {said}" if said else "")

    def keep(self, record: JobRecord) -> None:
        """Hold the job until its moment."""
        at = start_of(record)
        assert at is not None
        self._agenda.put(record, at)


def clock(moment: float) -> str:
    """The moment on the wall clock here: `23:30`, and with its date when it is not within a day."""
    local = time.localtime(moment)
    near = abs(moment - time.time()) < 86400
    seconds = ":%S" if local.tm_sec else ""
    return time.strftime(f"%H:%M{seconds}" if near else f"%Y-%m-%d %H:%M{seconds}", local)


def span(seconds: float) -> str:
    """Seconds to come, in words: `8 s`, `7m30s`, `2h05m`, `3d04h`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
