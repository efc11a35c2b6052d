"""`status` and `list`: reading jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from msgspec.structs import replace

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import FINAL_STATES, JobState
from luzia_protocol.requests import MAX_PAGE, List, Status

from luziad.handlers.replies import Call
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord
from luziad.jobs.sorting import iter_by_turn, sort_jobs
from luziad.scheduling.ready.turns import jobs_by_turn


def status(services: Services, request: Status, call: Call) -> replies.StatusResult:
    """One job in full."""
    record = services.table.find(request.job, call.uid)
    return replies.StatusResult(services.view(record, whole=True))


def list_jobs(services: Services, request: List, call: Call) -> replies.JobPage:
    """A page of jobs."""
    if not 1 <= request.limit <= MAX_PAGE:
        raise Refused(ErrorCode.BAD_REQUEST, f"`limit` must be from 1 to {MAX_PAGE}, not {request.limit}")
    request = replace(request, projects=[services.find_project(each) for each in request.projects])
    page, more = _page(services, request, call.uid)
    return replies.JobPage(
        jobs=[services.view(record, whole=False) for record in page],
        counts=services.table.counts(request.projects or None),
        next=more,
        seq=services.journal.committed_seq,
        notices=services.operations.notices,
        queues=services.scheduler.queues.now,
    )


def _page(services: Services, request: List, uid: int) -> tuple[list[JobRecord], int | None]:
    """The records of a page, and the cursor of the next: the number of the last record, or an offset."""
    matches = _filter(services, request, uid)
    if request.sort != "created" or request.reverse:
        begin = max(request.cursor or 0, 0)
        end = begin + request.limit
        found = list(islice(_sorted(services, request, uid, matches), begin, end + 1))
        return found[: request.limit], end if len(found) > request.limit else None
    page: list[JobRecord] = []
    for record in _candidates(services, request, uid):
        if not matches(record) or (request.cursor is not None and record.n >= request.cursor):
            continue
        if len(page) == request.limit:
            return page, page[-1].n
        page.append(record)
    return page, None


def _sorted(services: Services, request: List, uid: int, matches: Callable[[JobRecord], bool]) -> Iterable[JobRecord]:
    """The matching records in the order that the request names."""
    if request.sort != "turn":
        return sort_jobs(filter(matches, _candidates(services, request, uid)), request.sort, reverse=request.reverse)
    found = iter_by_turn(services.table, jobs_by_turn(services.scheduler.ready), matches)
    return reversed([*found]) if request.reverse else found


def _filter(services: Services, request: List, uid: int) -> Callable[[JobRecord], bool]:
    """Whether the request selects a record."""
    table, tags, parent = services.table, request.tags, request.parent
    states, projects = frozenset(request.states), frozenset(request.projects)
    children = None if parent is None else {record.id for record in table.children(table.find(parent, uid))}
    # A time on the wire is rounded to a microsecond.
    since = 0.0 if request.since is None else request.since.timestamp() - 1e-6

    def matches(record: JobRecord) -> bool:
        return (
            record.durable
            and (not states or record.status.state in states)
            and (not projects or record.project in projects)
            and (children is None or record.id in children)
            and (not tags or _has_tags(record, tags))
            and record.spec.created_at >= since
        )

    return matches


def _has_tags(record: JobRecord, tags: dict[str, str]) -> bool:
    return record.spec.origin is not None and tags.items() <= record.spec.origin.tags.items()


def _candidates(services: Services, request: List, uid: int) -> Iterable[JobRecord]:
    """As few jobs as the indexes of the table allow, newest first."""
    if request.parent is not None:
        return reversed(services.table.children(services.table.find(request.parent, uid)))
    states = set(request.states)
    if not states or JobState.QUEUED in states:
        return services.table.newest_first()
    found = services.table.active() if states - FINAL_STATES else []
    if states & FINAL_STATES:
        found += services.table.final()
    return sorted(found, key=lambda record: -record.n)
