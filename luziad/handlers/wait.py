"""`wait`: answer when jobs have finished."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_WAIT_JOBS, Wait

from luziad.handlers.dispatch.ancestors import validate_wait
from luziad.handlers.replies import Call
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord


def wait(services: Services, request: Wait, call: Call) -> None:
    """Answer when all jobs have finished, or at the timeout."""
    if len(request.jobs) > MAX_WAIT_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"too many jobs: {len(request.jobs)}; the limit is {MAX_WAIT_JOBS}")
    records = [services.table.find(job, call.uid) for job in request.jobs]
    waiter = request.parent if request.parent is not None and _is_running(services, request.parent) else None
    if waiter is not None and request.timeout_s is None:
        validate_wait(waiter, services.table, services.scheduler.ready, records)
    if waiter is not None and not any(waiter in record.ancestors for record in records):
        waiter = None
    call.out_of_order()
    _PendingWait(services, records, request.timeout_s, call, waiter)


def _is_running(services: Services, job: str) -> bool:
    ready = services.scheduler.ready
    return job in ready.held or job in ready.lent


class _PendingWait:
    """One `wait` until it is answered or its connection is closed.

    waiter: the running job that waits for a sub-job of its own; None for other waits.
    """

    def __init__(
        self, services: Services, records: list[JobRecord], timeout_s: float | None, call: Call, waiter: str | None
    ) -> None:
        self._services = services
        self._records = records
        self._call = call
        live = {record.id for record in records if not record.status.state.is_final}
        self._remaining = len(live)
        self._unwatch: list[Callable[[], None]] = [services.finals.add(job, self._job_finished) for job in live]
        self._timer: asyncio.TimerHandle | None = None
        self._lease = None if waiter is None else services.scheduler.lending.begin(waiter, live)
        call.on_close(self._close)
        if not live:
            self._complete(timed_out=False)
        elif timeout_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, timeout_s), lambda: self._complete(timed_out=True))

    def _job_finished(self) -> None:
        self._remaining -= 1
        if not self._remaining:
            self._complete(timed_out=False)

    def _complete(self, *, timed_out: bool) -> None:
        """Answer now, or when the waiting job has its slots back."""
        self._stop_watching()
        if self._lease is None:
            self._answer(timed_out)
        else:
            self._lease.end(lambda: self._answer(timed_out))

    def _answer(self, timed_out: bool) -> None:
        jobs = [self._services.view(record, whole=False) for record in self._records]
        self._call.answer(replies.WaitResult(jobs=jobs, timed_out=timed_out))
        self._call.finish()

    def _close(self) -> None:
        self._stop_watching()
        if self._lease is not None:
            self._lease.drop()

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch.clear()
