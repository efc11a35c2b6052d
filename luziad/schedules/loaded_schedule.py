"""A schedule in memory: its record, with its parsed cron expression and zone."""

from __future__ import annotations

import time
from datetime import tzinfo
from itertools import islice

from luzia_protocol.errors import Refused

from luziad.clocks import zones
from luziad.jobs.schedule import ScheduleRecord
from luziad.schedules import due
from luziad.schedules.cron import CronError, CronExpression
from luziad.schedules.due import DueRuns


class LoadedSchedule:
    """A schedule in memory. problem: why it cannot run here, for instance because its zone is unknown; else empty."""

    def __init__(self, record: ScheduleRecord) -> None:
        self.record = record
        self.name = record.spec.name
        self.problem = ""
        self.cron: CronExpression | None = None
        self.zone: tzinfo | None = None
        self.wakeup_at: float | None = None
        self._checked_at: float | None = None
        try:
            self.cron, self.zone = CronExpression(record.spec.cron), zones.load_zone(record.spec.timezone)
        except CronError as exc:
            self.problem = str(exc)
        except Refused as refused:
            self.problem = refused.message

    def due_runs(self, now: float) -> DueRuns:
        """The runs to decide about, if one is due or the clock was set back since the last check."""
        if self.cron is None or self.zone is None:
            return DueRuns([])
        clock_advanced = self._checked_at is not None and now >= self._checked_at
        if clock_advanced and (self.wakeup_at is None or self.wakeup_at > now):
            return DueRuns([])
        return due.find_due_runs(self.record, self.cron, self.zone, now)

    def mark_checked(self, now: float) -> None:
        """Every run up to `now` is decided: compute the next wakeup."""
        self._checked_at = now
        if self.cron is not None and self.zone is not None:
            self.wakeup_at = due.next_wakeup(self.record, self.cron, self.zone, now)

    def invalidate(self) -> None:
        """The record has changed: check it again."""
        self._checked_at = None

    def next_runs(self, count: int) -> list[float]:
        """The next run times; none while it is paused."""
        if self.record.status.paused or self.cron is None or self.zone is None:
            return []
        return list(islice(self.cron.times_after(due.decided_until(self.record.status, time.time()), self.zone), count))
