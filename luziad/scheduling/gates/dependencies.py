"""The gate of dependencies: holds jobs until those that they come after have ended, and skips what can never run."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from luzia_protocol.jobs import JobState

from luziad.jobs.dependencies import check_dependencies, describe_failure
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable

_TOLD = 3


class _Kept:
    """A job that is held, and the parents that have not ended."""

    __slots__ = ("record", "waits_for")

    def __init__(self, record: JobRecord, waits_for: set[str]) -> None:
        self.record = record
        self.waits_for = waits_for


class DependencyGate:
    """Holds jobs by the ends of others. Each end costs as much as there are jobs that wait for it.

    admit: that of Gates. skip: ends a queued job for a reason.
    """

    def __init__(self, table: JobTable, admit: Callable[..., None], skip: Callable[[JobRecord, str], None]) -> None:
        self._table = table
        self._admit = admit
        self._skip = skip
        self._kept: dict[str, _Kept] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._ended: deque[JobRecord] = deque()
        self._busy = False

    def closed(self, record: JobRecord) -> bool:
        """Whether the job waits for others, or can never run."""
        if record.status.dependencies is None:
            return False
        found = check_dependencies(record.status.dependencies, self._state)
        return bool(found.pending) or found.failure is not None

    def why(self, record: JobRecord) -> str:
        """`waits for 113754-a2f5, 113755-03bc and 2 more`."""
        assert record.status.dependencies is not None
        found = check_dependencies(record.status.dependencies, self._state)
        if found.failure is not None:
            return found.failure
        more = len(found.pending) - _TOLD
        told = ", ".join(found.pending[:_TOLD])
        return f"waits for {told} and {more} more" if more > 0 else f"waits for {told}"

    def keep(self, record: JobRecord) -> None:
        """Hold the job until its last parent has ended; one that can never run is skipped at the next turn."""
        assert record.status.dependencies is not None
        found = check_dependencies(record.status.dependencies, self._state)
        self._kept[record.id] = _Kept(record, set(found.pending))
        for parent in found.pending:
            self._children.setdefault(parent, {})[record.id] = None
        if found.failure is not None:
            asyncio.get_running_loop().call_soon(self._skip_kept, record, found.failure)

    def drop(self, record: JobRecord) -> None:
        """Hold the job no more."""
        kept = self._kept.pop(record.id)
        for parent in kept.waits_for:
            children = self._children[parent]
            del children[record.id]
            if not children:
                del self._children[parent]

    def ended(self, parent: JobRecord) -> None:
        """A job is final: let those go on that have waited for nothing else, and skip those that cannot run now.

        A job that is skipped is final too. What it means for others comes after, not inside: chains may be long.
        """
        self._ended.append(parent)
        if self._busy:
            return
        self._busy = True
        free: list[JobRecord] = []
        try:
            while self._ended:
                self._take_end(self._ended.popleft(), free)
        finally:
            self._busy = False
        if free:
            self._admit(*free)

    def _take_end(self, parent: JobRecord, free: list[JobRecord]) -> None:
        state = parent.status.state
        for job in self._children.pop(parent.id, {}):
            kept = self._kept[job]
            kept.waits_for.discard(parent.id)
            assert kept.record.status.dependencies is not None
            doomed = describe_failure(kept.record.status.dependencies, parent.id, state)
            if doomed is not None:
                self._skip(kept.record, doomed)
            elif not kept.waits_for:
                del self._kept[job]
                free.append(kept.record)

    def _skip_kept(self, record: JobRecord, reason: str) -> None:
        if record.id in self._kept:
            self._skip(record, reason)

    def _state(self, job: str) -> JobState | None:
        record = self._table.get(job)
        return None if record is None else record.status.state
