"""Callbacks that wait for jobs to become final."""

from __future__ import annotations

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused

from luziad.journal.journal import Callback, Journal

MAX_AWAITED = 1_000_000
"""Jobs in all waits together."""


class FinishWaiters:
    """Calls back when a job has ended or was removed, once that is committed.

    While the store cannot be written, it calls back at once: the exit record is on disk, and lists show the end.
    """

    def __init__(self, journal: Journal) -> None:
        self._callbacks: dict[str, list[Callback]] = {}
        self._awaited = 0
        journal.subscribe(self._on_events)
        journal.when_not_written(self._on_events)

    def reserve(self, jobs: int) -> None:
        """Count the jobs of a wait, until `release`. Raises Refused when all waits together have too many."""
        if self._awaited + jobs > MAX_AWAITED:
            message = f"jobs that are waited for: {self._awaited}; the limit of all waits together is {MAX_AWAITED}"
            raise Refused(ErrorCode.OVERLOADED, message)
        self._awaited += jobs

    def release(self, jobs: int) -> None:
        """The wait is over."""
        self._awaited -= jobs

    def add(self, job: str, callback: Callback) -> Callback:
        """Call back once when the job is final; returns a function that cancels this."""
        self._callbacks.setdefault(job, []).append(callback)

        def cancel() -> None:
            callbacks = self._callbacks.get(job, [])
            if callback in callbacks:
                callbacks.remove(callback)
                if not callbacks:
                    del self._callbacks[job]

        return cancel

    def _on_events(self, happened: list[tuple[events.Event, bytes]]) -> None:
        if not self._callbacks:
            return
        for event, _ in happened:
            if isinstance(event, events.Ended | events.Removed):
                for callback in self._callbacks.pop(event.job, ()):
                    callback()
