"""`wait`: answer when jobs have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_WAIT_JOBS, Wait

from luziad.handlers.base import Call, Services
from luziad.handlers.dispatch.ancestors import check_wait
from luziad.jobs.record import JobRecord


def wait(services: Services, request: Wait, call: Call) -> None:
    """Answer when all jobs are final, or when the time is over."""
    if len(request.jobs) > MAX_WAIT_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"{len(request.jobs)} jobs, and {MAX_WAIT_JOBS} is the limit")
    records = [services.table.find(job, call.uid) for job in request.jobs]
    inside = request.parent if request.parent is not None and _runs(services, request.parent) else None
    if inside is not None and request.timeout_s is None:
        check_wait(inside, services.table, services.scheduler.ready, records)
    if inside is not None and not any(inside in record.ancestors for record in records):
        inside = None
    call.out_of_order()
    _Waiting(services, records, request.timeout_s, call, inside)


def _runs(services: Services, job: str) -> bool:
    ready = services.scheduler.ready
    return job in ready.held or job in ready.lent


class _Waiting:
    """One `wait` until it is answered or its connection is gone.

    inside: the job from inside which somebody waits for one below it; None for all other waits.
    """

    def __init__(
        self, services: Services, records: list[JobRecord], timeout_s: float | None, call: Call, inside: str | None
    ) -> None:
        self._services = services
        self._records = records
        self._call = call
        live = {record.id for record in records if not record.status.state.is_final}
        self._left = len(live)
        self._forget: list[Callable[[], None]] = [services.finals.add(job, self._one_final) for job in live]
        self._timer: asyncio.TimerHandle | None = None
        self._wait = None if inside is None else services.scheduler.yielding.begin(inside, live)
        call.on_close(self._release)
        if not live:
            self._over(timed_out=False)
        elif timeout_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, timeout_s), lambda: self._over(timed_out=True))

    def _one_final(self) -> None:
        self._left -= 1
        if not self._left:
            self._over(timed_out=False)

    def _over(self, *, timed_out: bool) -> None:
        """Answer now, or when the job from inside which somebody waits may run on."""
        self._watch_no_more()
        if self._wait is None:
            self._answer(timed_out)
        else:
            self._wait.end(lambda: self._answer(timed_out))

    def _answer(self, timed_out: bool) -> None:
        jobs = [self._services.view(record, whole=False) for record in self._records]
        self._call.answer(replies.WaitResult(jobs=jobs, timed_out=timed_out))
        self._call.finish()

    def _release(self) -> None:
        self._watch_no_more()
        if self._wait is not None:
            self._wait.drop()

    def _watch_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for forget in self._forget:
            forget()
        self._forget.clear()
