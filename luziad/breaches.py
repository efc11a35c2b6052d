"""Ends attempts whose output tells that they cannot go on, or may not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.agents.base import Verdict
from luziad.core.record import AttemptRecord, JobRecord

LIMIT_GRACE_S = 0.5
"""How long an agent that met a usage limit may take to end by itself; some try again for hours, some never end."""

Stop = Callable[[JobRecord, Verdict], None]


class Breaches:
    """Looks at what is understood of a running attempt. `stop` ends it with a verdict."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def look(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """More is understood of the attempt."""
        if attempt.activity is None or attempt.stop_outcome is not None:
            return
        if attempt.activity.limit is not None:
            asyncio.get_running_loop().call_later(LIMIT_GRACE_S, self._limited, record, attempt)

    def _limited(self, record: JobRecord, attempt: AttemptRecord) -> None:
        activity = attempt.activity
        if record.attempt is not attempt or attempt.ended_at is not None or attempt.stop_outcome is not None:
            return
        if activity is not None and activity.limit is not None:
            self._stop(record, Verdict(Outcome.USAGE_LIMITED, activity.limit))
