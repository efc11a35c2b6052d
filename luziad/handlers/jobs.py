"""`status`, `list`, `wait`: what clients ask about jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import FINAL_STATES, JobState
from luzia_protocol.requests import MAX_PAGE, MAX_WAIT_JOBS, List, Status, Wait

from luziad.core.record import JobRecord
from luziad.handlers.base import Call, Services


def status(services: Services, request: Status, call: Call) -> replies.Status:
    """Everything about one job."""
    record = services.table.find(request.job, call.uid)
    return replies.Status(services.view(record, whole=True))


def list_jobs(services: Services, request: List, call: Call) -> replies.Listed:
    """A page of jobs, newest first."""
    if not 1 <= request.limit <= MAX_PAGE:
        raise Refused(ErrorCode.BAD_REQUEST, f"`limit` must be from 1 to {MAX_PAGE}, not {request.limit}")
    page: list[JobRecord] = []
    more = None
    for record in _wanted(services, request, call.uid):
        if len(page) == request.limit:
            more = page[-1].n
            break
        page.append(record)
    return replies.Listed(
        jobs=[services.view(record, whole=False) for record in page],
        counts=services.table.counts(request.projects or None),
        next=more,
        seq=services.journal.committed_seq,
        notices=services.operations.notices,
        queues=services.scheduler.queues.now,
    )


def _wanted(services: Services, request: List, uid: int) -> Iterable[JobRecord]:
    states, projects = frozenset(request.states), frozenset(request.projects)
    for record in _candidates(services, request, uid):
        if (
            record.durable
            and (request.cursor is None or record.n < request.cursor)
            and (not states or record.fate.state in states)
            and (not projects or record.spec.project in projects)
            and (not request.tags or _has(record, request.tags))
        ):
            yield record


def _has(record: JobRecord, tags: dict[str, str]) -> bool:
    return record.spec.place is not None and tags.items() <= record.spec.place.tags.items()


def _candidates(services: Services, request: List, uid: int) -> Iterable[JobRecord]:
    """As few jobs as the table can tell, newest first: those under way and those that ended have an index."""
    if request.parent is not None:
        return reversed(services.table.children(services.table.find(request.parent, uid)))
    states = set(request.states)
    if not states or JobState.QUEUED in states:
        return services.table.newest_first()
    found = services.table.active() if states - FINAL_STATES else []
    if states & FINAL_STATES:
        found += services.table.final()
    return sorted(found, key=lambda record: -record.n)


def wait(services: Services, request: Wait, call: Call) -> None:
    """Answer when all jobs are final, or when the time is over."""
    if len(request.jobs) > MAX_WAIT_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"{len(request.jobs)} jobs, and {MAX_WAIT_JOBS} is the limit")
    records = [services.table.find(job, call.uid) for job in request.jobs]
    call.out_of_order()
    _Waiting(services, records, request.timeout_s, call)


class _Waiting:
    """One `wait` until it is answered or its connection is gone."""

    def __init__(self, services: Services, records: list[JobRecord], timeout_s: float | None, call: Call) -> None:
        self._services = services
        self._records = records
        self._call = call
        live = {record.id for record in records if not record.fate.state.is_final}
        self._left = len(live)
        self._forget: list[Callable[[], None]] = [services.finals.when_final(job, self._one_final) for job in live]
        self._timer: asyncio.TimerHandle | None = None
        if not live:
            self._answer(timed_out=False)
            return
        call.on_close(self._release)
        if timeout_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, timeout_s), lambda: self._answer(timed_out=True))

    def _one_final(self) -> None:
        self._left -= 1
        if not self._left:
            self._answer(timed_out=False)

    def _answer(self, *, timed_out: bool) -> None:
        jobs = [self._services.view(record, whole=False) for record in self._records]
        self._call.answer(replies.Waited(jobs=jobs, timed_out=timed_out))
        self._call.finish()
        self._release()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for forget in self._forget:
            forget()
        self._forget.clear()
