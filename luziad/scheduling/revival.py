"""Runs ended jobs again at a user's request, and with them the jobs that were skipped because of how they had ended."""

from __future__ import annotations

from dataclasses import dataclass

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.jobs.dependencies import check_dependencies, find_revived
from luziad.jobs.graph_order import sort_parents_first
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.jobs.record import JobRecord
from luziad.jobs.retry_state import Continuation
from luziad.jobs.table import JobTable
from luziad.journal.journal import Callback
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.transitions import Transitions


@dataclass(kw_only=True, eq=False)
class Revival:
    """Queues ended jobs again."""

    table: JobTable
    transitions: Transitions
    retries: RetryPlanner
    observers: Observers

    def is_revived(self, record: JobRecord) -> bool:
        """Whether the job is queued again already, and waits for a job that it depends on."""
        again, dependencies = record.status.retry_state, record.status.dependencies
        return (
            record.status.state is JobState.QUEUED
            and dependencies is not None
            and again is not None
            and again.first_attempt == len(record.status.attempts) + 1
            and bool(check_dependencies(dependencies, self._state).pending)
        )

    def require_possible(self, record: JobRecord) -> None:
        """Raise Refused when a job that this one depends on has ended so that it would be skipped at once."""
        dependencies = record.status.dependencies
        if dependencies is None:
            return
        failure = check_dependencies(dependencies, self._state).failure
        if failure is not None:
            parent = failure.partition(" ")[0]
            raise Refused(
                ErrorCode.DEPENDENCY_FAILED,
                f"job {record.id} cannot run: {failure}",
                f"Run that one again with `luzia retry {parent}`; this job then follows it.",
            )

    def run_again(self, record: JobRecord, given: Continuation | None, why: str, then: Callback | None) -> list[str]:
        """Queue an ended job; returns the ids of the skipped jobs that wait for it again."""
        revived = self._revived_by(record)
        self.retries.reset(record, given)
        self.transitions.requeue(record, Trigger.RETRY, why, then)
        for child in revived:
            self.retries.reset(child, self.retries.continuation(child))
            self.transitions.requeue(child, Trigger.RETRY, f"{record.id} runs again")
        self.observers.start_possible()
        return [child.id for child in revived]

    def _revived_by(self, record: JobRecord) -> list[JobRecord]:
        skipped = {
            each.id: each.status.dependencies
            for each in self.table.final()
            if each.status.state is JobState.SKIPPED and each.status.dependencies is not None
        }
        order = sort_parents_first({job: of.parents for job, of in skipped.items()})
        found = find_revived(record.id, {job: skipped[job] for job in order}, self._state)
        return [each for job in found if (each := self.table.get(job)) is not None]

    def _state(self, job: str) -> JobState | None:
        record = self.table.get(job)
        return None if record is None else record.status.state
