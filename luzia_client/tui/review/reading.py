"""Reads the changes of the job that is shown, and of the next one, in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.fullscreen.context import ERRORS, describe
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.state import ReviewState


class Reading:
    """Reads changes. changed: called to redraw the screen. start: runs a coroutine in the background."""

    def __init__(
        self,
        state: ReviewState,
        engine: ReviewEngine,
        changed: Callable[[], None],
        start: Callable[[Awaitable[None]], None],
    ) -> None:
        self._state = state
        self._engine = engine
        self._changed = changed
        self._start = start
        self._reading: set[str] = set()

    def read_shown(self) -> None:
        """Read what is shown and not known, or may have changed; and in advance what is shown next."""
        waiting = self._state.waiting
        if (entry := waiting.current) is not None:
            self._read(entry)
            following = waiting.place + 1
            if entry.work is not None and following < len(waiting.entries):
                self._read(waiting.entries[following])

    def read_again(self, entry: Entry) -> None:
        """Read the changes of a job again."""
        entry.is_stale = True
        self._read(entry)

    def _read(self, entry: Entry) -> None:
        if entry.is_stale and not entry.busy and entry.job.id not in self._reading:
            entry.is_stale = False
            self._reading.add(entry.job.id)
            self._start(self._take(entry))

    async def _take(self, entry: Entry) -> None:
        try:
            known = entry.work is not None
            marked = bool(entry.marks)
            job, work = await self._engine.read(entry.job)
            entry.job = job
            if not work.files and not entry.busy:  # it was merged elsewhere meanwhile
                self._state.waiting.put(job.id, None)
            if entry.show(work) and known and marked and self._state.waiting.current is entry:
                self._state.message = "the work has changed: the marks have been taken away"
        except (DaemonUnreachableError, UnexpectedAnswerError) as exc:
            entry.problem = describe(exc)  # what is known stays; the feed has it read again
        except ERRORS as exc:
            entry.work, entry.problem = None, describe(exc)
        finally:
            self._reading.discard(entry.job.id)
        self._changed()
