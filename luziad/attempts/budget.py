"""Ends attempts whose output tells that they cannot go on, or may not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.spending import Budget, describe_overrun

LIMIT_GRACE_S = 0.5
"""How long an agent that met a usage limit may take to end by itself; some try again for hours, some never end."""

BUDGET_GRACE_S = 2.0
"""How long an agent may go on after a breach: some tell what they cost in their final result, and are about to end."""

Stop = Callable[[JobRecord, Verdict], None]


class Breaches:
    """Looks at what is understood of a running attempt. `stop` ends it with a verdict, `budget` is that of a job.

    has_finished: whether an attempt's agent has told its final result, so that it need not be ended any more.
    """

    def __init__(
        self, stop: Stop, budget: Callable[[JobRecord], Budget], has_finished: Callable[[AttemptRef], bool]
    ) -> None:
        self._stop = stop
        self._budget = budget
        self._has_finished = has_finished

    def look(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """More is understood of the attempt."""
        if attempt.activity is None or attempt.stop_outcome is not None:
            return
        loop = asyncio.get_running_loop()
        if attempt.activity.limit is not None:
            loop.call_later(LIMIT_GRACE_S, self._limited, record, attempt)
        elif describe_overrun(record, self._budget(record)) is not None:
            loop.call_later(BUDGET_GRACE_S, self._over_budget, record, attempt)

    def _limited(self, record: JobRecord, attempt: AttemptRecord) -> None:
        activity = attempt.activity
        if _goes_on(record, attempt) and activity is not None and activity.limit is not None:
            self._stop(record, Verdict(Outcome.USAGE_LIMITED, activity.limit))

    def _over_budget(self, record: JobRecord, attempt: AttemptRecord) -> None:
        words = describe_overrun(record, self._budget(record))
        finished = self._has_finished(AttemptRef(record.id, attempt.number))
        if _goes_on(record, attempt) and words is not None and not finished:
            self._stop(record, Verdict(Outcome.OVER_BUDGET, f"{words}; {to_go_on(record)}"))


def to_go_on(record: JobRecord) -> str:
    """What a person can do whose job has used its budget: asked for anew, it has all of it again."""
    return f"`luzia retry {record.id}` goes on with the same budget again"


def _goes_on(record: JobRecord, attempt: AttemptRecord) -> bool:
    return record.attempt is attempt and attempt.ended_at is None and attempt.stop_outcome is None
