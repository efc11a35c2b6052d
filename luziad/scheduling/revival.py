"""Runs ended jobs again at a user's request, and with them the jobs that were skipped because of how they had ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.jobs.dependencies import Dependencies, Standing, check_dependencies, find_revived
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.jobs.record import JobRecord
from luziad.jobs.retry_state import Continuation
from luziad.jobs.table import JobTable
from luziad.journal.journal import Callback, CommitCallbacks, Journal
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.transitions import Transitions

AT_ONCE = 100
"""Jobs that are looked at or queued at once; further ones follow in turns."""


@dataclass(kw_only=True, eq=False)
class Revival:
    """Queues ended jobs again. in_turns: does work in turns."""

    table: JobTable
    journal: Journal
    transitions: Transitions
    retries: RetryPlanner
    observers: Observers
    in_turns: Callable[[Iterator[None]], None]

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
        """Queue an ended job; returns the ids of the skipped jobs that wait for it again.

        then: called when they are complete, and all of that is committed.
        """
        revived: list[str] = []
        states: dict[str, Standing] = {record.id: record.standing}
        self.retries.reset(record, given)
        self.transitions.requeue(record, Trigger.RETRY, why)
        work = self._revive(record, states, revived, then)
        for _ in islice(work, AT_ONCE):
            pass
        self.in_turns(work)
        self.observers.start_possible()
        return revived

    def _revive(
        self, record: JobRecord, states: dict[str, Standing], revived: list[str], then: Callback | None
    ) -> Iterator[None]:
        """Queue the skipped jobs that wait for this one again. states: those that these jobs had before."""
        skipped: dict[str, Dependencies] = {}
        for each in self.table.skipped():
            if each.status.state is JobState.SKIPPED and each.status.dependencies is not None:
                skipped[each.id] = each.status.dependencies
            yield
        for job in find_revived(record.id, skipped, lambda parent: states.get(parent) or self._state(parent)):
            child = None if job is None else self.table.get(job)
            if (
                child is not None and child.status.state is JobState.SKIPPED
            ):  # nothing else has happened to it meanwhile
                states[child.id] = JobState.SKIPPED
                self.retries.reset(child, self.retries.continuation(child))
                self.transitions.requeue(child, Trigger.RETRY, f"{record.id} runs again")
                revived.append(child.id)
            yield
        self.observers.start_possible()
        if then is not None:
            self.journal.after_commit(CommitCallbacks(then, lambda _: then()))

    def _state(self, job: str) -> Standing | None:
        record = self.table.get(job)
        return None if record is None else record.standing
