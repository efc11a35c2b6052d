"""`status` and `list`: reading jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from itertools import islice

from msgspec import UNSET
from msgspec.structs import replace

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import FINAL_STATES, JobState
from luzia_protocol.requests import MAX_PAGE, MAX_SEARCH_CHARS, MAX_SEARCH_WORDS, List, Search, Status

from luziad.agents import registry
from luziad.handlers.job_encoding import encode_jobs
from luziad.handlers.replies import Call, SlicedReply
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord
from luziad.jobs.search import fold
from luziad.jobs.sorting import iter_by_turn, sort_jobs
from luziad.jobs.table import JobTable
from luziad.scheduling.ready.forecast import jobs_by_turn

MOST_SORTED = 2000
"""Active and final jobs that are sorted at once; with more of them, all jobs are walked through in slices."""
FIRST_READ = 500
"""How many of the newest jobs are read before all are: the table must not change while an iterator of it is in use."""
GUIDED_JOBS = 3
"""How many jobs, from the first one ever, are confirmed by a block that says how to continue."""
_INDEXED = frozenset(JobState) - {JobState.QUEUED}


def status(services: Services, request: Status, call: Call) -> replies.StatusResult:
    """One job in full."""
    record = services.table.find(request.job, call.uid)
    job = services.view(record, whole=True)
    if not request.confirm:
        return replies.StatusResult(job)
    return replies.StatusResult(job, services.config.cli.confirm or ("block" if record.n <= GUIDED_JOBS else "line"))


def list_jobs(services: Services, request: List, call: Call) -> SlicedReply:
    """A page of jobs."""
    if not 1 <= request.limit <= MAX_PAGE:
        raise Refused(ErrorCode.BAD_REQUEST, f"`limit` must be from 1 to {MAX_PAGE}, not {request.limit}")
    if len(request.search) > MAX_SEARCH_CHARS or len(request.search.split()) > MAX_SEARCH_WORDS:
        message = f"`search` must be at most {MAX_SEARCH_WORDS} words in {MAX_SEARCH_CHARS} characters"
        raise Refused(ErrorCode.BAD_REQUEST, message)
    request = replace(request, projects=[services.find_project(each) for each in request.projects])
    seq = services.journal.committed_seq  # what happens while the page is made comes after this
    is_newest_first = request.sort == "created" and not request.reverse
    find = _newest if is_newest_first else _by_turn if request.sort == "turn" else _sorted
    page, has_more = yield from find(services, request, call.uid)
    jobs = yield from encode_jobs(services, page)
    following = None
    if has_more or len(jobs) < len(page):
        following = page[len(jobs) - 1].n if is_newest_first else max(request.cursor or 0, 0) + len(jobs)
    return replies.JobPage(
        jobs=jobs,
        counts=services.table.counts(request.projects or None),
        held=services.table.held(request.projects or None),
        next=following,
        seq=seq,
        notices=services.operations.notices,
        queues=services.scheduler.queues.now,
        pager=services.config.cli.pager if request.cli else UNSET,
        today=services.day_totals.now() if request.cli else UNSET,
    )


Page = Generator[None, None, tuple[list[JobRecord], bool]]
"""The records of a page, and whether there are more. The next cursor is the last record's number, or an offset."""


def _newest(services: Services, request: List, uid: int) -> Page:
    matches = job_filter(services, request, uid)
    page: list[JobRecord] = []
    for record in _candidates(services, request, uid):
        if record is not None and matches(record) and (request.cursor is None or record.n < request.cursor):
            if len(page) == request.limit:
                return page, True
            page.append(record)
        yield
    return page, False


def _sorted(services: Services, request: List, uid: int) -> Page:
    matches = job_filter(services, request, uid)
    selected: list[JobRecord] = []
    for record in _candidates(services, request, uid):
        if record is not None and matches(record):
            selected.append(record)
        yield
    ordered = yield from sort_jobs(selected, request.sort, reverse=request.reverse)
    begin = max(request.cursor or 0, 0)
    end = begin + request.limit
    page: list[JobRecord] = []
    for position, record in enumerate(islice(ordered, end)):
        if position >= begin:
            page.append(record)
        yield
    return page, end < len(selected)


def _by_turn(services: Services, request: List, uid: int) -> Page:
    matches = job_filter(services, request, uid)
    if request.search.strip():
        matches = yield from _limit_to_search(services, request, matches)
    begin = max(request.cursor or 0, 0)
    end = begin + request.limit
    found: dict[str, JobRecord] = {}  # a job that changes meanwhile may come twice
    for record in iter_by_turn(services.table, jobs_by_turn(services.scheduler.ready), matches):
        if record is not None:
            found.setdefault(record.id, record)
        if len(found) > end and not request.reverse:
            break
        yield
    ordered = list(found.values())
    if request.reverse:
        ordered.reverse()
    return ordered[begin:end], len(ordered) > end


def job_filter(services: Services, request: List | Search, uid: int) -> Callable[[JobRecord], bool]:
    """Whether a job is one of those that are requested. Raises Refused for an unknown project or parent."""
    table, tags, parent = services.table, request.tags, request.parent
    states, agents = frozenset(request.states), frozenset(request.agents)
    projects = frozenset(map(services.find_project, request.projects))
    _require_known(services, agents)
    children = None if parent is None else {record.id for record in table.children(table.find(parent, uid))}
    # A time on the wire is rounded to a microsecond.
    since = 0.0 if request.since is None else request.since.timestamp() - 1e-6

    def matches(record: JobRecord) -> bool:
        return (
            record.durable
            and (not states or record.status.state in states)
            and (not projects or record.project in projects)
            and (not agents or record.spec.agent in agents)
            and (children is None or record.id in children)
            and (not tags or _has_tags(record, tags))
            and record.spec.created_at >= since
        )

    return matches


def _require_known(services: Services, agents: Collection[str]) -> None:
    """Raise Refused for an agent that is not configured, and never ran a job that is remembered: it is misspelt."""
    adapters = services.scheduler.launcher.adapters
    unknown = {agent for agent in agents if registry.find(agent, adapters) is None}
    if unknown and (unknown := unknown.difference(record.spec.agent for record in services.table.newest_first())):
        registry.get(min(unknown), adapters)


def _limit_to_search(
    services: Services, request: List, matches: Callable[[JobRecord], bool]
) -> Generator[None, None, Callable[[JobRecord], bool]]:
    """The filter, with the search done beforehand."""
    found: set[str] = set()
    for record in services.search.find(fold(request.search).split()):
        if record is not None:
            found.add(record.id)
        yield
    return lambda record: record.id in found and matches(record)


def _has_tags(record: JobRecord, tags: dict[str, str]) -> bool:
    return record.spec.origin is not None and tags.items() <= record.spec.origin.tags.items()


def _read_newest(table: JobTable) -> Iterator[JobRecord]:
    """All jobs, newest first. All of them are copied only for a reader of more than the first ones."""
    first = list(islice(table.newest_first(), FIRST_READ))
    yield from first
    if len(first) == FIRST_READ:
        read = {record.id for record in first}
        for record in list(table.newest_first()):
            if record.n < first[0].n and record.id not in read:
                yield record


def _candidates(services: Services, request: List, uid: int) -> Iterable[JobRecord | None]:
    """As few jobs as the indexes allow, newest first; the table may change while they are read. None is a step."""
    table = services.table
    words = fold(request.search).split()
    if words:
        return services.search.find(words)
    if request.parent is not None:
        return reversed(table.children(table.find(request.parent, uid)))
    states = set(request.states)
    if not states or states - _INDEXED or len(table) - table.queued > MOST_SORTED:
        return _read_newest(table)
    found = table.active() if states - FINAL_STATES else []
    if states & FINAL_STATES:
        found += table.final()
    return sorted(found, key=lambda record: -record.n)
