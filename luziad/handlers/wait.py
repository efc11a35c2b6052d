"""`wait`: answer when jobs have finished."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_WAIT_JOBS, Wait

from luziad.handlers.dispatch.ancestors import validate_wait
from luziad.handlers.job_encoding import encode_jobs
from luziad.handlers.replies import Call, SlicedReply
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord
from luziad.journal.journal import CommitCallbacks


def wait(services: Services, request: Wait, call: Call) -> SlicedReply:
    """Answer when all jobs have finished, or at the timeout."""
    if len(request.jobs) > MAX_WAIT_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"too many jobs: {len(request.jobs)}; the limit is {MAX_WAIT_JOBS}")
    records = []
    for job in request.jobs:
        records.append(services.table.find(job, call.uid))
        yield
    waiter = request.parent if request.parent is not None and _is_running(services, request.parent) else None
    if waiter is not None and request.timeout_s is None:
        validate_wait(waiter, services.table, services.scheduler.ready, records)
    if waiter is not None and not any(waiter in record.ancestors for record in records):
        waiter = None
    call.out_of_order()
    services.finals.reserve(len(records))
    _PendingWait(services, records, request.timeout_s, call, waiter).begin()
    return None


def _is_running(services: Services, job: str) -> bool:
    ready = services.scheduler.ready
    return job in ready.held or job in ready.lent


class _PendingWait:
    """One `wait` until it is answered or its connection is closed. It watches one of its jobs after the other.

    waiter: the running job that waits for a sub-job of its own; None for other waits.
    """

    def __init__(
        self, services: Services, records: list[JobRecord], timeout_s: float | None, call: Call, waiter: str | None
    ) -> None:
        self._services = services
        self._records = records
        self._rest = iter(records)
        self._call = call
        self._timeout_s = timeout_s
        self._is_on_disk = True  # every end that was found
        self._is_complete = False
        self._unwatch: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        live = (record.id for record in records if not record.status.state.is_final)
        self._lease = None if waiter is None else services.scheduler.lending.begin(waiter, live)
        call.on_close(self._close)

    def begin(self) -> None:
        """Answer at once if all jobs have finished, or else wait."""
        if self._timeout_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._timeout_s), lambda: self._complete(timed_out=True))
        self._watch_next()

    def _watch_next(self) -> None:
        for record in self._rest:
            if not record.status.state.is_final:
                self._unwatch = self._services.finals.add(record.id, self._watch_next)
                return
            self._is_on_disk = False
        self._unwatch = None
        if self._is_on_disk:
            self._complete(timed_out=False)
        else:
            answer = functools.partial(self._complete, timed_out=False)
            self._services.journal.after_commit(CommitCallbacks(answer, lambda _: answer()))

    def _complete(self, *, timed_out: bool) -> None:
        """Answer now, or when the waiting job has its slots back."""
        if self._is_complete:
            return
        self._is_complete = True
        self._stop_watching()
        if self._lease is None:
            self._answer(timed_out)
        else:
            self._lease.end(lambda: self._answer(timed_out))

    def _answer(self, timed_out: bool) -> None:
        self._call.answer_in_slices(self._result(timed_out))

    def _result(self, timed_out: bool) -> SlicedReply:
        jobs = yield from encode_jobs(self._services, self._records)
        return replies.WaitResult(jobs, timed_out, None if len(jobs) == len(self._records) else len(jobs))

    def _close(self) -> None:
        self._is_complete = True
        self._services.finals.release(len(self._records))
        self._stop_watching()
        if self._lease is not None:
            self._lease.drop()

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
