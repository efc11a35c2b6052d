"""Stops attempts that have met a usage limit or have exceeded the budget of their job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord

LIMIT_GRACE_S = 0.5
"""The time that an agent has to exit by itself after a usage limit; some retry for hours, some never exit."""

BUDGET_GRACE_S = 2.0
"""The time that an agent has to exit by itself after its budget: some tell the cost only in their final result."""

Stop = Callable[[JobRecord, Verdict], None]


class BudgetWatch(JobObserver):
    """stop: ends an attempt with a verdict. budgets: those of jobs, and of jobs with their sub-jobs.

    has_finished: whether an attempt's agent has told its final result, so that it need not be stopped.
    """

    def __init__(self, stop: Stop, budgets: FamilyBudgets, has_finished: Callable[[AttemptRef], bool]) -> None:
        self._stop = stop
        self._budgets = budgets
        self._has_finished = has_finished

    def output_understood(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Stop the attempt in a moment, unless it exits by itself."""
        if attempt.activity is None or attempt.stop_outcome is not None:
            return
        loop = asyncio.get_running_loop()
        if attempt.activity.limit is not None:
            loop.call_later(LIMIT_GRACE_S, self._limited, record, attempt)
        elif self._budgets.overrun(record) is not None:
            loop.call_later(BUDGET_GRACE_S, self._over_budget, record, attempt)

    def _limited(self, record: JobRecord, attempt: AttemptRecord) -> None:
        activity = attempt.activity
        if _is_running(record, attempt) and activity is not None and activity.limit is not None:
            self._stop(record, Verdict(Outcome.USAGE_LIMITED, activity.limit))

    def _over_budget(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """End what has exceeded its budget: the job itself, or the one above it, with all of its sub-jobs."""
        if (overrun := self._budgets.overrun(record)) is None:
            return
        over = overrun.record
        if over is not record and over.attempt is not None and _is_running(over, over.attempt):
            self._stop_unless_finished(over, over.attempt, f"{overrun.words}; {retry_hint(over)}")
        elif over is not record:  # it has ended, and its sub-jobs continue without it
            self._stop_unless_finished(record, attempt, f"job {over.id} dispatched it: {overrun.words}")
        else:
            self._stop_unless_finished(record, attempt, f"{overrun.words}; {retry_hint(record)}")

    def _stop_unless_finished(self, record: JobRecord, attempt: AttemptRecord, words: str) -> None:
        if _is_running(record, attempt) and not self._has_finished(AttemptRef(record.id, attempt.number)):
            self._stop(record, Verdict(Outcome.OVER_BUDGET, words))


def retry_hint(record: JobRecord) -> str:
    """What the user can do: a retry has the whole budget."""
    return f"`luzia retry {record.id}` continues with the same budget"


def _is_running(record: JobRecord, attempt: AttemptRecord) -> bool:
    return record.attempt is attempt and attempt.ended_at is None and attempt.stop_outcome is None
