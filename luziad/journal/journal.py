"""The journal: commit, then publish, then reply.

Changes that are recorded during a commit share the next one and its fsync. A thread does the writes; everything else
runs on the event loop. When the store cannot be written, changes that have happened (an agent ended) are kept and
written again later; new jobs are refused at once.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from luzia_protocol.events import Event, Progressed

from luziad.errors import StartupError, StorageError
from luziad.jobs.record import JobRecord
from luziad.journal.events import EventFactory
from luziad.store.batch import Batch
from luziad.store.sqlite import Store

log = logging.getLogger("luziad.journal")

RETRY_S = 1.0
ROOM_BYTES = 8 * 1024 * 1024
"""Above this size of uncommitted jobs, large requests wait."""
_encode = msgspec.json.Encoder().encode

Callback = Callable[[], None]
Subscriber = Callable[[list[tuple[Event, bytes]]], None]


class CommitListener(Protocol):
    """Is called once, when a change is committed or when the store cannot be written."""

    def committed(self) -> None:
        """The change is on disk."""

    def refused(self, error: StorageError) -> None:
        """The change could not be written."""


class CommitCallbacks(NamedTuple):
    """A commit listener of two functions."""

    committed: Callback
    refused: Callable[[StorageError], None]


def call_first(committed: Callback, refused: Callback, listener: CommitListener) -> CommitCallbacks:
    """A listener that calls one of the two functions, and then `listener`."""

    def on_commit() -> None:
        committed()
        listener.committed()

    def on_refusal(error: StorageError) -> None:
        refused()
        listener.refused(error)

    return CommitCallbacks(on_commit, on_refusal)


NULL_LISTENER = CommitCallbacks(lambda: None, lambda _: None)
"""For changes whose result nobody waits for."""


class Entry(msgspec.Struct, gc=False):
    """One recorded event, and the callback for its commit."""

    event: Event
    raw: bytes
    then: Callback | None


class _Pending(msgspec.Struct, eq=False):
    """The content of one commit. size: bytes of its new jobs and variables."""

    entries: list[Entry] = []
    batch: Batch = msgspec.field(default_factory=Batch)
    new: dict[int, tuple[str, CommitListener]] = {}
    waiting: list[CommitListener] = []
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.batch.fates or self.batch.removed or self.batch.schedules)


class Journal:
    """Records events. Create it on the loop that it is used on; `start` before the first record."""

    def __init__(self, store: Store, least_seq: int = 0) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._pending = _Pending()
        self._writing: _Pending | None = None
        self._scheduled = False
        self._subscribers: list[Subscriber] = []
        self._work: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._retry: asyncio.TimerHandle | None = None
        self._is_held = False
        self._idle: list[asyncio.Future[None]] = []
        self.events = EventFactory(self.next_seq)
        last_seq = store.last_seq()
        if least_seq > last_seq:
            store.lose_events(least_seq)
        self._next_seq = max(last_seq, least_seq) + 1
        self.failure: StorageError | None = None
        self._recovered: list[Callback] = []
        self._not_written: list[Subscriber] = []
        self._storage_watchers: dict[object, Callback] = {}
        self._awaiting_recovery: list[asyncio.Future[None]] = []
        self.committed_seq = self._next_seq - 1
        self.commits = 0
        """Commits that succeeded, and the seconds that they took."""
        self.commits_s = 0.0

    def start(self) -> None:
        """Start the writer thread. Raises StartupError."""
        try:
            self._thread.start()
        except RuntimeError as exc:
            raise StartupError(f"the thread that writes the job store cannot be started: {exc}") from exc

    async def close(self) -> None:
        """Commit what is pending, as far as the store allows, and stop the thread."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._flush()
        while self._writing is not None:
            idle = self._loop.create_future()
            self._idle.append(idle)
            await idle
        self._work.put(None)
        self._thread.join()

    def next_seq(self) -> int:
        """The seq for the event that is recorded next."""
        seq = self._next_seq
        self._next_seq = seq + 1
        return seq

    def accept(self, record: JobRecord, event: Event, listener: CommitListener) -> None:
        """Record a new job."""
        spec = _encode(record.spec)
        self._pending.batch.jobs[record.n] = (record.id, spec)
        self._pending.size += len(spec)
        self._pending.new[record.n] = (record.id, listener)
        self.record(record, event, listener.committed)

    def record(self, record: JobRecord, event: Event, then: Callback | None = None) -> None:
        """Record what happened to a job; `then` is called once it is committed."""
        pending = self._pending
        raw = _encode(event)
        pending.entries.append(Entry(event, raw, then))
        pending.batch.fates[record.n] = _encode(record.status)
        self._schedule()

    def commit(self, record: JobRecord, event: Event) -> asyncio.Future[None]:
        """Record an event; the future is done when it is on disk."""
        committed: asyncio.Future[None] = self._loop.create_future()

        def on_disk() -> None:
            if not committed.done():
                committed.set_result(None)

        self.record(record, event, on_disk)
        return committed

    def rewrite_spec(self, record: JobRecord, event: Event, then: Callback | None = None) -> None:
        """Record a change of a job's spec; `then` is called once it is committed."""
        spec = _encode(record.spec)
        self._pending.batch.jobs[record.n] = (record.id, spec)
        self._pending.size += len(spec)
        self.record(record, event, then)

    def remove(self, record: JobRecord, event: Event, environments: list[int], then: Callback | None = None) -> None:
        """Record that a job was removed, and delete environments that no job uses any more."""
        pending = self._pending
        raw = _encode(event)
        pending.entries.append(Entry(event, raw, then))
        pending.batch.fates.pop(record.n, None)
        pending.batch.jobs.pop(record.n, None)
        pending.batch.removed.append(record.n)
        pending.batch.dropped_environments += environments
        self._schedule()

    def put_environment(self, number: int, variables: dict[str, str], size: int) -> None:
        """Write a new set of variables of this size in bytes just before the next commit."""
        self._pending.batch.environments[number] = variables
        self._pending.size += size

    def delete_environments(self, numbers: list[int]) -> None:
        """Delete sets of variables with the next commit."""
        self._pending.batch.dropped_environments.extend(numbers)

    def put_schedule(self, name: str, schedule: bytes) -> None:
        """Write a new or changed schedule (JSON) with the next commit; see `after_commit`."""
        self._pending.batch.schedules[name] = schedule
        self._schedule()

    def delete_schedule(self, name: str) -> None:
        """Delete a schedule with the next commit."""
        self._pending.batch.schedules[name] = None
        self._schedule()

    def hold(self) -> None:
        """Begin no commit before `release`: all that is recorded meanwhile, in several turns of the loop, is in one."""
        self._is_held = True

    def release(self) -> None:
        """Commit what was recorded since `hold`. Does nothing without it."""
        if self._is_held:
            self._is_held = False
            self._schedule()

    def after_commit(self, listener: CommitListener) -> None:
        """Notify the listener when everything recorded so far is committed, or when the store fails."""
        unfinished = self._pending or self._writing
        if self.failure is not None:
            listener.refused(self.failure)
        elif unfinished:
            unfinished.waiting.append(listener)
        else:
            listener.committed()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Receive every committed batch of events, in order; returns a function that ends the subscription."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def when_recovered(self, callback: Callback) -> None:
        """Call back each time the store can be written again after a failure."""
        self._recovered.append(callback)

    def watch_storage(self, callback: Callback) -> Callable[[], None]:
        """Call back once, when `failure` has changed; returns a function that ends this, as often as it is called."""
        key = object()
        self._storage_watchers[key] = callback

        def unwatch() -> None:
            self._storage_watchers.pop(key, None)

        return unwatch

    def when_not_written(self, subscriber: Subscriber) -> None:
        """Call back after each failed write with the events that wait for the store to recover."""
        self._not_written.append(subscriber)

    @property
    def uncommitted_bytes(self) -> int:
        """The size of new jobs and variables that are not committed yet."""
        return self._pending.size + (0 if self._writing is None else self._writing.size)

    def has_room(self, callback: Callback) -> bool:
        """Whether little waits for its commit; if much does, `callback` is called after the commit."""
        if self.failure is not None or self.uncommitted_bytes <= ROOM_BYTES:
            return True
        self.after_commit(CommitCallbacks(callback, lambda _: callback()))
        return False

    async def recovery(self, timeout_s: float) -> None:
        """Wait until the store can be written again. Raises StorageError after the timeout."""
        if self.failure is None:
            return
        recovered = self._loop.create_future()
        self._awaiting_recovery.append(recovered)
        try:
            await asyncio.wait_for(recovered, timeout_s)
        except TimeoutError:
            raise self.failure from None

    def _schedule(self) -> None:
        if not self._scheduled and self._writing is None and self._retry is None:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._writing is not None or self._is_held or not self._pending:
            return
        self._writing, self._pending = self._pending, _Pending()
        self._work.put(self._writing)

    def _write(self) -> None:
        """The writer thread."""
        while (pending := self._work.get()) is not None:
            failure, started = None, time.monotonic()
            for entry in pending.entries:
                rows = pending.batch.progress if isinstance(entry.event, Progressed) else pending.batch.events
                rows.append((entry.event.seq, entry.raw))
            try:
                self._store.write(pending.batch)
            except StorageError as exc:
                failure = exc
            except Exception as exc:
                log.exception("store_write_failed")
                failure = StorageError(f"unexpected {type(exc).__name__}: {exc}")
            self._loop.call_soon_threadsafe(self._written, failure, time.monotonic() - started)

    def _written(self, failure: StorageError | None, took_s: float) -> None:
        done, self._writing = self._writing, None
        assert done is not None
        if failure is None:
            self.commits += 1
            self.commits_s += took_s
            self._committed(done)
        else:
            self._failed(done, failure)
        for idle in self._idle:
            idle.set_result(None)
        self._idle.clear()
        if self._retry is None:
            self._flush()

    def _committed(self, done: _Pending) -> None:
        recovered = self.failure is not None
        self.failure = None
        if done.entries:
            self.committed_seq = done.entries[-1].event.seq
        if self._subscribers:
            committed = [(entry.event, entry.raw) for entry in done.entries]
            for subscriber in list(self._subscribers):
                subscriber(committed)
        for entry in done.entries:
            if entry.then is not None:
                entry.then()
        for waiting in done.waiting:
            waiting.committed()
        if recovered:
            log.info("store_recovered")
            for future in self._awaiting_recovery:
                if not future.done():
                    future.set_result(None)
            self._awaiting_recovery.clear()
            for callback in self._recovered:
                callback()
            self._storage_changed()

    def _failed(self, done: _Pending, failure: StorageError) -> None:
        """Refuse the new jobs of this batch and of the next; keep all other changes for another try."""
        log.error("store_unavailable error=%s", failure)
        changed = str(failure) != str(self.failure)
        self.failure = failure
        refused = [*done.new.values(), *self._pending.new.values()]
        names = {job for job, _ in refused}
        numbers = {*done.new, *self._pending.new}
        waiting = [*done.waiting, *self._pending.waiting]
        merged = _Pending()
        for part in (done, self._pending):
            merged.entries += [entry for entry in part.entries if entry.event.job not in names]
            merged.batch.fates |= {n: fate for n, fate in part.batch.fates.items() if n not in numbers}
            merged.batch.jobs |= {n: job for n, job in part.batch.jobs.items() if n not in numbers}
            merged.batch.removed += [n for n in part.batch.removed if n not in numbers]
            merged.batch.environments |= part.batch.environments
            merged.batch.dropped_environments += part.batch.dropped_environments
            merged.batch.schedules |= part.batch.schedules
        merged.batch.removed += numbers  # a commit that failed may have happened nevertheless
        for n in merged.batch.removed:
            merged.batch.fates.pop(n, None)
            merged.batch.jobs.pop(n, None)
        merged.size = sum(len(spec) for _, spec in merged.batch.jobs.values())
        self._pending = merged
        self._retry = self._loop.call_later(RETRY_S, self._retry_write)
        for listener in (*(listener for _, listener in refused), *waiting):
            listener.refused(failure)
        kept = [(entry.event, entry.raw) for entry in merged.entries]
        for subscriber in self._not_written:
            subscriber(kept)
        if changed:
            self._storage_changed()

    def _storage_changed(self) -> None:
        watchers, self._storage_watchers = self._storage_watchers, {}
        for callback in watchers.values():
            callback()

    def _retry_write(self) -> None:
        """Write the kept changes, or else an empty transaction that shows whether the store can be written."""
        if self._is_held:
            self._retry = self._loop.call_later(RETRY_S, self._retry_write)
            return
        self._retry = None
        self._writing, self._pending = self._pending, _Pending()
        self._writing.batch.probe = True
        self._work.put(self._writing)
