"""One schedule: its record, with what is made of its texts and kept in memory only."""

from __future__ import annotations

import time
from datetime import tzinfo
from itertools import islice

from luzia_protocol.errors import Refused

from luziad.clocks import zones
from luziad.jobs.schedule import ScheduleRecord
from luziad.schedules import due as core
from luziad.schedules.cron import Cron, CronError
from luziad.schedules.due import Due


class Entry:
    """A schedule in the table. problem: why it cannot run here, for instance because its zone is not known any more."""

    def __init__(self, record: ScheduleRecord) -> None:
        self.record = record
        self.name = record.spec.name
        self.problem = ""
        self.cron: Cron | None = None
        self.zone: tzinfo | None = None
        self.wakes_at: float | None = None
        self._looked_at: float | None = None
        try:
            self.cron, self.zone = Cron(record.spec.cron), zones.load_zone(record.spec.timezone)
        except CronError as exc:
            self.problem = str(exc)
        except Refused as refused:
            self.problem = refused.message

    def due(self, now: float) -> Due:
        """The runs to decide about, if it is time for one, or the clock was set back since the last look."""
        if self.cron is None or self.zone is None:
            return Due([])
        nothing_since = self._looked_at is not None and now >= self._looked_at
        if nothing_since and (self.wakes_at is None or self.wakes_at > now):
            return Due([])
        return core.due(self.record, self.cron, self.zone, now)

    def looked(self, now: float) -> None:
        """All is decided up to now: find out when to look again."""
        self._looked_at = now
        if self.cron is not None and self.zone is not None:
            self.wakes_at = core.wakes_at(self.record, self.cron, self.zone, now)

    def changed(self) -> None:
        """What is decided is not what it was: look at it anew."""
        self._looked_at = None

    def next_runs(self, count: int) -> list[float]:
        """The next moments, none while it is paused."""
        if self.record.status.paused or self.cron is None or self.zone is None:
            return []
        return list(islice(self.cron.moments(core.decided(self.record.status, time.time()), self.zone), count))
