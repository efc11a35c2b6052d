"""Feeds the index with what happens to jobs, and answers searches.

The cursor is durable and of each job: its newest event when it was indexed, written in the transaction of its texts.
What the index lacks after a crash is found by comparing these with the jobs. That is done when the index is used for
the first time, by the first end of an attempt or the first search, so that the start of the daemon costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Dispatched, Edited, Ended, Event, Removed, Requeued

from luziad.agents.transcript import Entries
from luziad.errors import StorageError
from luziad.executor.base import Executor
from luziad.fulltext.excerpt import Found, find_excerpt
from luziad.fulltext.index import MAX_TASK_CHARS, AttemptTexts, Index, JobTexts, Place
from luziad.fulltext.query import Query
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec
from luziad.jobs.search import Subscribe
from luziad.jobs.table import JobTable
from luziad.jobs.view import spec_text
from luziad.store.opening import is_damage
from luziad.supervise.system_errors import describe_error

log = logging.getLogger("luziad.fulltext")

T = TypeVar("T")

DELAY_S = 0.5
"""How long changes are collected before they are indexed."""
AT_ONCE = 200
"""Jobs that are handed to the thread at once; what it has no time for comes again."""
SLICE_S = 0.05
"""How long the thread indexes before other work gets its turn there, unless one job takes longer."""
COMPARED = 1000
"""Jobs that are compared with the index at once."""
PATIENCE_S = 0.4
"""How long a search waits for what has changed to be indexed."""

REBUILT = "the search index was damaged and is being built again"


class FullText:
    """The full-text search over the jobs of a table.

    whole_spec: see Launcher. entries: the function that makes the transcript of a job's output, None where there is
    none. subscribe: to the committed events. thread: a pool of one thread, on which alone the index is used.
    problem: why the index is not complete, as text; None when nothing is wrong.
    """

    def __init__(
        self,
        table: JobTable,
        executor: Executor,
        index: Index,
        whole_spec: Callable[[JobRecord], JobSpec],
        entries: Callable[[JobRecord], Entries | None],
        subscribe: Subscribe,
        thread: ThreadPoolExecutor,
    ) -> None:
        self.problem: str | None = None
        self._table = table
        self._executor = executor
        self._index = index
        self._whole_spec = whole_spec
        self._entries = entries
        self._thread = thread
        self._new: dict[str, None] = {}  # jobs without an ended attempt, which the next search indexes
        self._changed: dict[str, None] = {}
        self._removed: dict[str, None] = {}
        self._in_hand = 0  # jobs that the thread is indexing
        self._is_compared = False
        self._is_rebuilt = False
        self._work: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        subscribe(self._on_events)

    @property
    def pending(self) -> int:
        """Jobs that wait to be indexed; all of them before the index is compared with them."""
        return len(self._changed) + self._in_hand if self._is_compared else len(self._table)

    async def prepare(self) -> None:
        """Begin to index what has changed, and wait a moment for the end of that."""
        until = time.monotonic() + PATIENCE_S
        if not self._is_compared:
            await asyncio.wait([self._begin()], timeout=PATIENCE_S)
        self._changed |= self._new
        self._new.clear()
        if self._changed or self._removed:
            await asyncio.wait([self._begin()], timeout=max(0.0, until - time.monotonic()))

    async def find(self, query: Query, before: int, most: int, until: float) -> tuple[list[Place], bool]:
        """See Index.find. Raises Refused."""
        return await self._read(lambda: self._index.find(query.match, before, most, until))

    async def excerpts(self, query: Query, places: list[Place]) -> list[Found | None]:
        """What shows why these places were found; None for one that is gone. Raises Refused."""

        def read() -> list[Found | None]:
            found = (self._index.texts(place) for place in places)
            return [None if texts is None else find_excerpt(texts, query.terms) for texts in found]

        return await self._read(read)

    async def has_dropped(self) -> bool:
        """Whether texts of old jobs were dropped because of the size. Raises Refused."""
        return await self._read(self._index.dropped) > 0

    async def rebuild(self) -> int:
        """Begin with an empty index and index all jobs again; returns their number. Raises Refused."""
        try:
            await self._begin_again()
        except OSError as exc:
            message = f"the search index {self._index.path} cannot be deleted: {describe_error(exc)}"
            raise Refused(ErrorCode.STORAGE_UNAVAILABLE, message) from exc
        self.problem = None
        return len(self._table)

    async def close(self) -> None:
        """Stop after what is being indexed, and close the file."""
        await self._stop()
        await self._call(self._index.close)

    # ------------------------------------------------------------------ what has changed

    def _on_events(self, news: list[tuple[Event, bytes]]) -> None:
        for event, _ in news:
            if isinstance(event, Dispatched):
                self._new[event.job] = None
            elif isinstance(event, Ended | Requeued | Edited):
                self._new.pop(event.job, None)
                self._changed[event.job] = None
            elif isinstance(event, Removed):
                self._new.pop(event.job, None)
                self._changed.pop(event.job, None)
                self._removed[event.job] = None
            else:
                continue
            if self._timer is None and (self._changed or self._removed):
                self._timer = asyncio.get_running_loop().call_later(DELAY_S, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._begin()

    def _begin(self) -> asyncio.Task[None]:
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._index_all())
        return self._work

    async def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    # ------------------------------------------------------------------ indexing

    async def _index_all(self) -> None:
        """Bring the index up to date. A damaged one is begun again, once."""
        try:
            try:
                await self._catch_up()
            except sqlite3.DatabaseError as exc:
                if not is_damage(exc) or self._is_rebuilt:
                    raise
                log.warning("search_index_damaged file=%s error=%s; it is built again", self._index.path, exc)
                self._is_rebuilt, self._is_compared, self.problem = True, False, REBUILT
                await self._call(self._index.discard)
                await self._catch_up()
            self.problem, self._is_rebuilt = None, False
        except (sqlite3.Error, OSError) as exc:
            self._report(exc)

    async def _catch_up(self) -> None:
        if not self._is_compared:
            await self._compare()
            self._is_compared = True
        while self._changed or self._removed:
            removed, batch = list(self._removed), self._next_batch()
            self._in_hand = len(batch)
            try:
                done = await self._call(lambda removed=removed, batch=batch: self._write(removed, batch))  # type: ignore[misc]
            finally:
                self._in_hand = 0
            if done < len(batch):
                self._changed = dict.fromkeys(texts.id for texts in batch[done:]) | self._changed
            for job in removed:
                self._removed.pop(job, None)
            while await self._call(self._index.shrink):
                pass

    async def _compare(self) -> None:
        """Find the jobs that the index lacks, and those that it should not have."""
        records = list(self._table.newest_first())
        last = max((record.n for record in records), default=0)
        await self._call(lambda: self._index.remove_after(last))
        for begin in range(0, len(records), COMPARED):
            part = records[begin : begin + COMPARED]
            first = part[-1].n if begin + COMPARED < len(records) else 0
            known = await self._call(lambda first=first, last=last: self._index.between(first, last))  # type: ignore[misc]
            last = first - 1
            for record in part:
                if known.pop(record.id, None) != record.status.seq and self._table.get(record.id) is record:
                    (self._changed if _has_ended(record) else self._new)[record.id] = None
            self._removed |= dict.fromkeys(job for job in known if self._table.get(job) is None)

    def _next_batch(self) -> list[JobTexts]:
        """The next jobs; one that changes meanwhile comes again."""
        batch: list[JobTexts] = []
        for job in list(islice(self._changed, AT_ONCE)):
            del self._changed[job]
            record = self._table.get(job)
            if record is not None and record.durable:
                batch.append(self._texts(record))
        return batch

    def _texts(self, record: JobRecord) -> JobTexts:
        try:
            spec = self._whole_spec(record)
        except StorageError as exc:
            log.warning("search_task_shortened job=%s error=%s", record.id, exc)
            spec = record.spec
        ended = [attempt for attempt in record.status.attempts if attempt.outcome is not None]
        entries = self._entries(record) if ended else None
        attempts = [self._attempt_texts(record, attempt, entries) for attempt in ended]
        return JobTexts(record.n, record.id, record.status.seq, spec_text(spec)[:MAX_TASK_CHARS], attempts)

    def _attempt_texts(self, record: JobRecord, attempt: AttemptRecord, entries: Entries | None) -> AttemptTexts:
        ref, activity = AttemptRef(record.id, attempt.number), attempt.activity
        message, files = ("", []) if activity is None else (activity.last_message or "", activity.files)
        stdout, stderr = (self._executor.output_path(ref, stream) for stream in ("stdout", "stderr"))
        return AttemptTexts(attempt.number, message, files, stdout, stderr, entries)

    def _write(self, removed: list[str], batch: list[JobTexts]) -> int:
        """On the thread: remove jobs, and index some of the others; returns how many."""
        if removed:
            self._index.remove(removed)
        return self._index.put(batch, time.monotonic() + SLICE_S) if batch else 0

    def _report(self, error: Exception) -> None:
        log.error("search_index_not_written file=%s error=%s", self._index.path, error)
        self.problem = f"the search index {self._index.path} cannot be written: {describe_error(error)}"
        self._is_compared = False  # what was not written is found again
        self._changed.clear()

    async def _read(self, read: Callable[[], T]) -> T:
        """Read on the thread. Raises Refused when the file cannot be read; a damaged one is begun again then."""
        try:
            return await self._call(read)
        except (sqlite3.Error, OSError) as exc:
            message, hint = (
                f"the search index {self._index.path} cannot be read: {describe_error(exc)}",
                "Search again when it can.",
            )
            if isinstance(exc, sqlite3.DatabaseError) and is_damage(exc) and not self._is_rebuilt:
                log.warning("search_index_damaged file=%s error=%s; it is built again", self._index.path, exc)
                self.problem, hint = REBUILT, "It is being built again; search again in a moment."
                await self._begin_again()
            raise Refused(ErrorCode.STORAGE_UNAVAILABLE, message, hint) from exc

    async def _begin_again(self) -> None:
        """Delete the file, and index all jobs. Raises OSError."""
        await self._stop()
        await self._call(self._index.discard)
        self._is_compared = False
        self._changed.clear()
        self._removed.clear()
        self._begin()

    def _call(self, work: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _has_ended(record: JobRecord) -> bool:
    return record.status.state.is_final or any(attempt.outcome is not None for attempt in record.status.attempts)
