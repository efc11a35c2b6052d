"""Follows the journal and keeps the totals."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.client import Client
from luzia_client.api.streams import ReconnectDelays
from luzia_client.metrics.totals import KINDS, Totals
from luzia_client.metrics.totals_file import TotalsFile
from luzia_client.transport.endpoint import DaemonUnreachableError

CATCH_UP_S = 30.0
"""How long the first figures wait for the events that were missed. After that they are counted as they come."""

FOR_EVER_S = 10 * 365 * 86400.0
"""How long it continues without a daemon."""

SAVE_EVERY = 5000
"""Events between two writes of the totals while nobody asks for them."""


class Follower:
    """Counts events in a thread of its own. What `totals` has shown has been saved before.

    socket: the daemon's. file: where the totals are kept.
    """

    def __init__(self, socket: str, file: TotalsFile[Totals]) -> None:
        self._client = Client(socket, autostart=False, reconnect_s=FOR_EVER_S)
        self._file = file
        self._totals = file.load(socket)
        self._saved = self._totals.seq
        self._lock = threading.Lock()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics-follower", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start to follow, and wait until the events that were missed are counted. Raises what went wrong."""
        self._thread.start()
        self._caught_up.wait(CATCH_UP_S)
        self._raise_failure()

    def join(self) -> None:
        """Wait until it cannot continue. Raises why."""
        self._thread.join()
        self._raise_failure()

    @contextmanager
    def totals(self, info: DaemonInfo | None) -> Iterator[Totals]:
        """The totals as they are now, which do not change meanwhile. info: the daemon's status of this moment."""
        with self._lock:
            if info is not None:
                self._totals.commits.update((info.pid, info.started_at), info.commits.count, info.commits.total_s)
            self._save()
            yield self._totals

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _save(self) -> None:
        self._file.save(self._totals)
        self._saved = self._totals.seq

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as exc:
            self._failure = exc
            self._caught_up.set()

    def _follow(self) -> None:
        """First all events up to the newest one, then only those that change a total."""
        newest = self._newest_seq()
        if newest < self._totals.seq:
            self._restart(0)  # another store
        if newest > self._totals.seq:
            self._read(newest)
        self._caught_up.set()
        self._read(None)

    def _newest_seq(self) -> int:
        """The newest event. Without a daemon it waits for one, and the saved totals are shown meanwhile."""
        delays = ReconnectDelays(FOR_EVER_S)
        while True:
            try:
                return self._client.list_jobs(limit=1).seq
            except DaemonUnreachableError as exc:
                self._caught_up.set()
                time.sleep(delays.next_s(exc))

    def _read(self, newest: int | None) -> None:
        """Count events: up to `newest`, or without an end."""
        while True:
            kinds = KINDS if newest is None else ()
            try:
                for event in self._client.subscribe(after=self._totals.seq, kinds=kinds):
                    self._count(event)
                    if newest is not None and event.seq >= newest:
                        return
            except Refused as refused:
                if refused.code is not ErrorCode.EVENTS_EXPIRED:
                    raise
                oldest = refused.oldest_seq or self._newest_seq() + 1
                print(f"luzia: events before {oldest} are no longer stored; the totals lack them", file=sys.stderr)
                self._restart(oldest - 1)
                if newest is not None and self._totals.seq >= newest:
                    return

    def _count(self, event: Event) -> None:
        with self._lock:
            self._totals.add(event)
            if event.seq - self._saved >= SAVE_EVERY:
                self._save()

    def _restart(self, seq: int) -> None:
        with self._lock:
            self._totals.restart(seq)
