"""What happens to jobs and attempts, as hooks that any part of the daemon can override.

A part that has to know what happens to jobs derives from JobObserver and overrides the hooks that concern it. The list
of all observers, in the order of their calls, is in luziad/app.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVarTuple

from luziad.jobs.record import AttemptRecord, JobRecord

Arguments = TypeVarTuple("Arguments")


class JobObserver:
    """The hooks, in the order of a job's life. They are called on the event loop, and none of them may block.

    When a hook is called, the record has been changed, and the event has been recorded in the journal but not yet
    committed; that of `attempt_starting` and of `attempt_ended` is recorded after the hook. A hook may change other
    jobs; their hooks are then called from inside.
    """

    def job_accepted(self, record: JobRecord) -> None:
        """A new job is in the table: dispatched, imported, or made by a schedule."""

    def job_queued(self, record: JobRecord) -> None:
        """The job waits for an attempt: it is new, retried, put back or loaded. The gates are asked next."""

    def attempt_starting(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The job has its slots. The event `starting` is recorded next, and the executor hears of the attempt later."""

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """The agent is running, for `ran_s` seconds already. Called again for the same attempt after a restart."""

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The daemon has restarted during the attempt; without a start time its agent may not have started."""

    def progress_reported(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The job itself reports its progress."""

    def output_understood(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The attempt's output has changed its activity or its progress."""

    def attempt_exited(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The attempt's processes are gone; it has no outcome yet."""

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The attempt has an outcome. It still holds its slots, and a retry is not yet decided."""

    def job_changed(self, record: JobRecord) -> None:
        """The job's state, progress or description has changed as clients see it."""

    def job_ended(self, record: JobRecord) -> None:
        """The job is in a final state."""

    def job_reviewed(self, record: JobRecord) -> None:
        """A person has accepted or rejected the work of a completed job."""

    def job_removed(self, record: JobRecord) -> None:
        """The job is no longer in the table: it was removed, or could not be written to the store."""

    def start_possible(self) -> None:
        """A job may be able to start: one has become ready, a slot is free, or a pause has ended."""

    def store_recovered(self) -> None:
        """The job store can be written again."""


class Hook(Generic[*Arguments]):
    """Calls one method of all observers that override it, in order. Costs nothing for the others."""

    __slots__ = ("_methods", "_name")

    def __init__(self, method: Callable[[Any, *Arguments], None]) -> None:
        self._name = method.__name__
        self._methods: list[Callable[[*Arguments], None]] = []

    def __call__(self, *arguments: *Arguments) -> None:
        for method in self._methods:
            method(*arguments)

    def add(self, observer: JobObserver) -> None:
        """Call the observer after those that were added before, if it overrides the method."""
        if getattr(type(observer), self._name) is not getattr(JobObserver, self._name):
            self._methods.append(getattr(observer, self._name))


class Observers:
    """All observers. Created before the parts that call its hooks and the parts that are called by them."""

    def __init__(self) -> None:
        self.job_accepted = Hook(JobObserver.job_accepted)
        self.job_queued = Hook(JobObserver.job_queued)
        self.attempt_starting = Hook(JobObserver.attempt_starting)
        self.attempt_started = Hook(JobObserver.attempt_started)
        self.attempt_recovered = Hook(JobObserver.attempt_recovered)
        self.progress_reported = Hook(JobObserver.progress_reported)
        self.output_understood = Hook(JobObserver.output_understood)
        self.attempt_exited = Hook(JobObserver.attempt_exited)
        self.attempt_ended = Hook(JobObserver.attempt_ended)
        self.job_changed = Hook(JobObserver.job_changed)
        self.job_ended = Hook(JobObserver.job_ended)
        self.job_reviewed = Hook(JobObserver.job_reviewed)
        self.job_removed = Hook(JobObserver.job_removed)
        self.start_possible = Hook(JobObserver.start_possible)
        self.store_recovered = Hook(JobObserver.store_recovered)
        self._observers: list[JobObserver] = []

    def __iter__(self) -> Iterator[JobObserver]:
        """The observers in the order of their calls."""
        return iter(self._observers)

    def add(self, *observers: JobObserver) -> None:
        """Call these observers, in this order, after those that were added before."""
        self._observers += observers
        for hook in vars(self).values():
            if isinstance(hook, Hook):
                for observer in observers:
                    hook.add(observer)
