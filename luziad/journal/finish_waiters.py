"""Who waits for which job to become final."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol import events

from luziad.journal.journal import Journal

Callback = Callable[[], None]


class Finals:
    """Calls back when a job has ended or was removed, once that is committed."""

    def __init__(self, journal: Journal) -> None:
        self._waiting: dict[str, list[Callback]] = {}
        journal.listen(self._hear)

    def when_final(self, job: str, callback: Callback) -> Callable[[], None]:
        """Call back once when the job is final; returns how to give up waiting."""
        self._waiting.setdefault(job, []).append(callback)

        def forget() -> None:
            callbacks = self._waiting.get(job, [])
            if callback in callbacks:
                callbacks.remove(callback)
                if not callbacks:
                    del self._waiting[job]

        return forget

    def _hear(self, news: list[tuple[events.Event, bytes]]) -> None:
        if not self._waiting:
            return
        for event, _ in news:
            if isinstance(event, events.Ended | events.Removed):
                for callback in self._waiting.pop(event.job, ()):
                    callback()
