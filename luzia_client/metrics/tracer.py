"""Follows the journal and sends the spans of the attempts that have ended, each at least once, with the same ids."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.api.streams import ReconnectDelays
from luzia_client.metrics import semconv
from luzia_client.metrics.follower import FOR_EVER_S, SAVE_EVERY
from luzia_client.metrics.spans import KINDS, Span, SpanTotals
from luzia_client.metrics.totals_file import TotalsFile
from luzia_client.transport.endpoint import DaemonUnreachableError

T = TypeVar("T")

MAX_BATCH = 256
"""Events of which the spans are sent together."""

MAX_WAITING = 4096
"""Events that may wait for the collector in memory; further ones wait in the journal."""

FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 60.0


class Answer(NamedTuple):
    """Of the collector. refused: it will never accept these spans. reason: why it has not accepted them."""

    kind: Literal["accepted", "later", "refused"]
    reason: str = ""


Send = Callable[[list[Span]], Answer]


class Tracer:
    """Sends spans. The cursor is moved after a batch was accepted, so none is lost; one batch may be sent again.

    A span that the collector refuses for good is dropped and counted, and no other with it.

    socket: the daemon's. file: where the cursor is kept, and what is known of running attempts. send: to the collector.
    """

    def __init__(self, socket: str, file: TotalsFile[SpanTotals], send: Send) -> None:
        self._client = Client(socket, autostart=False, reconnect_s=FOR_EVER_S)
        self._file = file
        self._totals = file.load(socket)
        self._saved = self._totals.seq
        self._send = send
        self._sending = threading.Lock()
        self._events: queue.Queue[events.Event | BaseException | int] = queue.Queue(MAX_WAITING)

    def run(self) -> None:
        """Send spans until it cannot continue. Raises why."""
        newest = self._newest_seq()
        if not self._file.path.exists() or newest < self._totals.seq:
            self._totals.restart(newest)  # the first start, or another store: traces begin now
            self._save()
        threading.Thread(target=self._read, args=(self._totals.seq,), name="trace-reader", daemon=True).start()
        while True:
            self._take(self._batch())

    @property
    def dropped(self) -> int:
        """Spans that the collector has refused, since tracing began."""
        return self._totals.dropped

    def stop(self, timeout_s: float) -> None:
        """Send nothing more, after a batch that is being sent is accepted and the cursor is moved."""
        self._sending.acquire(timeout=timeout_s)

    def _read(self, after: int) -> None:
        """Read events into the queue. A number stands for events that are no longer stored: up to it."""
        try:
            while True:
                try:
                    for event in self._client.subscribe(after=after, kinds=KINDS):
                        self._events.put(event)
                        after = event.seq
                except Refused as refused:
                    if refused.code is not ErrorCode.EVENTS_EXPIRED:
                        raise
                    after = refused.oldest_seq - 1 if refused.oldest_seq else self._newest_seq()
                    print(
                        f"luzia: events up to {after} are no longer stored; their traces are missing", file=sys.stderr
                    )
                    self._events.put(after)
        except BaseException as exc:
            self._events.put(exc)

    def _batch(self) -> list[events.Event | BaseException | int]:
        """What waits, at least one."""
        found = [self._events.get()]
        while len(found) < MAX_BATCH:
            try:
                found.append(self._events.get_nowait())
            except queue.Empty:
                break
        return found

    def _take(self, batch: list[events.Event | BaseException | int]) -> None:
        spans: list[Span] = []
        failure: BaseException | None = None
        for each in batch:
            if isinstance(each, BaseException):
                failure = each
            elif isinstance(each, int):
                self._totals.restart(each)
            elif (ended := self._totals.add(each)) is not None:
                job = self._job(ended.job)
                parent = self._job(job.ancestors[-1]) if job is not None and job.ancestors else None
                spans.append(self._totals.end(ended, job, parent))
        delay_s = FIRST_DELAY_S
        while spans and (spans := self._send_and_save(spans)):
            time.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)
        if self._totals.seq - self._saved >= SAVE_EVERY:
            self._save()
        if failure is not None:
            raise failure

    def _send_and_save(self, spans: list[Span]) -> list[Span]:
        """Send spans; returns those that must be sent again later."""
        with self._sending:
            left = self._send_parts(spans)
            if not left:
                self._save()
            return left

    def _send_parts(self, spans: list[Span]) -> list[Span]:
        """Send spans, and the halves of what is refused, so that one span makes the collector refuse no other."""
        answer = self._send(spans)
        if answer.kind == "accepted":
            return []
        if answer.kind == "later":
            return spans
        if len(spans) == 1:
            self._drop(spans[0], answer.reason)
            return []
        half = len(spans) // 2
        return self._send_parts(spans[:half]) + self._send_parts(spans[half:])

    def _drop(self, span: Span, reason: str) -> None:
        self._totals.dropped += 1
        job, attempt = (span.attributes.get(name) for name in (semconv.JOB, semconv.ATTEMPT))
        told = f"the collector has refused the span of attempt {attempt} of job {job}: {reason}; it is dropped"
        print(f"luzia: {told}", file=sys.stderr, flush=True)

    def _save(self) -> None:
        self._file.save(self._totals)
        self._saved = self._totals.seq

    def _job(self, job: str) -> Job | None:
        try:
            return ask(lambda: self._client.get_job(job))
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None

    def _newest_seq(self) -> int:
        return ask(lambda: self._client.list_jobs(limit=1).seq)


def ask(request: Callable[[], T]) -> T:
    """The reply to a request, as soon as there is a daemon."""
    delays = ReconnectDelays(FOR_EVER_S)
    while True:
        try:
            return request()
        except DaemonUnreachableError as exc:
            time.sleep(delays.next_s(exc))
