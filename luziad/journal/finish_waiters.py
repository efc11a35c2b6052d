"""Callbacks that wait for jobs to become final."""

from __future__ import annotations

from luzia_protocol import events

from luziad.journal.journal import Callback, Journal


class FinishWaiters:
    """Calls back when a job has ended or was removed, once that is committed.

    While the store cannot be written, it calls back at once: the exit record is on disk, and lists show the end.
    """

    def __init__(self, journal: Journal) -> None:
        self._callbacks: dict[str, list[Callback]] = {}
        journal.subscribe(self._on_events)
        journal.when_not_written(self._on_events)

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
