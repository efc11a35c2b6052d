"""The gate of dependencies: holds jobs until their parents have ended, and the work of reviewed ones is accepted.

Jobs that can never run are skipped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from luzia_protocol.jobs import Review

from luziad.jobs.dependencies import Standing, check_dependencies, describe_failure, is_pending
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.gates import Gate

_SHOWN = 3
AT_ONCE = 100
"""Jobs that are admitted or skipped at once when a job has ended; further ones follow in turns."""


class _Held(msgspec.Struct, eq=False):
    """A held job, and its parents that have not ended or whose work waits for a decision."""

    record: JobRecord
    waits_for: set[str]


class DependencyGate(Gate):
    """Closed for a job until its parents let it follow. The end of a parent costs O(n) of the jobs that wait for it.

    admit: that of Gates. skip: ends a queued job for a reason. in_turns: does work in turns.
    """

    name = "dependencies"

    def __init__(
        self,
        table: JobTable,
        admit: Callable[..., None],
        skip: Callable[[JobRecord, str], None],
        in_turns: Callable[[Iterator[None]], None],
    ) -> None:
        self._table = table
        self._admit = admit
        self._skip = skip
        self._in_turns = in_turns
        self._held: dict[str, _Held] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._ended: deque[JobRecord] = deque()
        self._busy = False

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job waits for others, or can never run."""
        if record.status.dependencies is None:
            return False
        found = check_dependencies(record.status.dependencies, self._state, self._name)
        return bool(found.pending) or found.failure is not None

    def reason(self, record: JobRecord) -> str:
        """`waits for 113754-a2f5, the review of build (113755-03bc) and 2 more`; jobs of a graph with their names."""
        assert record.status.dependencies is not None
        found = check_dependencies(record.status.dependencies, self._state, self._name)
        if found.failure is not None:
            return found.failure
        more = len(found.pending) - _SHOWN
        shown = ", ".join(map(self._awaited, found.pending[:_SHOWN]))
        return f"waits for {shown} and {more} more" if more > 0 else f"waits for {shown}"

    def hold(self, record: JobRecord) -> None:
        """Hold the job until its last parent has ended; skip one that can never run in the next turn of the loop."""
        assert record.status.dependencies is not None
        found = check_dependencies(record.status.dependencies, self._state, self._name)
        self._held[record.id] = _Held(record, set(found.pending))
        for parent in found.pending:
            self._children.setdefault(parent, {})[record.id] = None
        if found.failure is not None:
            asyncio.get_running_loop().call_soon(self._skip_kept, record, found.failure)

    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer."""
        kept = self._held.pop(record.id)
        for parent in list(kept.waits_for):
            self._stop_waiting(kept, parent)

    def job_ended(self, record: JobRecord) -> None:
        """Admit the jobs that have waited for nothing else, and skip those that can no longer run.

        A skipped job has ended too. Its own children come after that, not inside, because chains may be long. After the
        first AT_ONCE jobs the others follow in turns; all of them are still held.
        """
        self._settled(record)

    def job_reviewed(self, record: JobRecord) -> None:
        """Admit or skip the jobs that have waited for the decision."""
        self._settled(record)

    def _settled(self, record: JobRecord) -> None:
        if is_pending(record.standing):
            return
        self._ended.append(record)
        if self._busy:
            return
        self._busy = True
        work = self._take_ends()
        for _ in islice(work, AT_ONCE):
            pass
        if self._busy:
            self._in_turns(work)

    def _take_ends(self) -> Iterator[None]:
        free: list[_Held] = []
        try:
            while self._ended:
                for _ in self._take_end(self._ended.popleft(), free):
                    if len(free) >= AT_ONCE:
                        self._release(free)
                    yield
        finally:
            self._busy = False
            self._release(free)

    def _take_end(self, parent: JobRecord, free: list[_Held]) -> Iterator[None]:
        """Take the end of one parent; `free` gets the jobs that need not be held any more."""
        state = parent.standing
        while children := self._children.get(parent.id):
            kept = self._held[next(iter(children))]
            self._stop_waiting(kept, parent.id)
            assert kept.record.status.dependencies is not None
            doomed = describe_failure(kept.record.status.dependencies, parent.id, state, self._name(parent.id))
            if doomed is not None:
                self._skip(kept.record, doomed)
            elif not kept.waits_for:
                free.append(kept)
            yield

    def _release(self, free: list[_Held]) -> None:
        """Admit those of the jobs that are still held."""
        held = [kept.record for kept in free if self._held.get(kept.record.id) is kept]
        free.clear()
        for record in held:
            del self._held[record.id]
        if held:
            self._admit(*held)

    def _stop_waiting(self, kept: _Held, parent: str) -> None:
        kept.waits_for.discard(parent)
        children = self._children[parent]
        del children[kept.record.id]
        if not children:
            del self._children[parent]

    def _skip_kept(self, record: JobRecord, reason: str) -> None:
        if record.id in self._held:
            self._skip(record, reason)

    def _state(self, job: str) -> Standing | None:
        record = self._table.get(job)
        return None if record is None else record.standing

    def _awaited(self, job: str) -> str:
        return f"the review of {self._name(job)}" if self._state(job) is Review.WANTED else self._name(job)

    def _name(self, job: str) -> str:
        """`build (113754-a2f5)` for a job of a graph, `113754-a2f5` for any other."""
        record = self._table.get(job)
        origin = None if record is None else record.spec.origin
        return job if origin is None or not origin.node else f"{origin.node} ({job})"
