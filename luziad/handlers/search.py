"""`search`: the full-text search over jobs, within a time limit; `search_rebuild`."""

from __future__ import annotations

import time

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.searching import MAX_HITS, Hit, Search, SearchRebuild
from luzia_protocol.times import to_datetime

from luziad.fulltext.excerpt import Found
from luziad.fulltext.index import Place
from luziad.fulltext.query import parse_query
from luziad.handlers.jobs import job_filter
from luziad.handlers.replies import Call
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord
from luziad.jobs.view import summarize_job

TIME_LIMIT_S = 0.8
PLACES_AT_ONCE = 200
_FIRST = 1 << 40
"""More than the number of any job."""


async def search(services: Services, request: Search, call: Call) -> None:
    """A page of the jobs that have the words."""
    if not 1 <= request.limit <= MAX_HITS:
        raise Refused(ErrorCode.BAD_REQUEST, f"`limit` must be from 1 to {MAX_HITS}, not {request.limit}")
    query = parse_query(request.words)
    matches = job_filter(services, request, call.uid)
    index = services.fulltext
    await index.prepare()
    until = time.monotonic() + TIME_LIMIT_S
    before = _FIRST if request.cursor is None else min(request.cursor, _FIRST)
    found: list[tuple[JobRecord, Place]] = []
    has_more, complete = True, True
    while has_more and complete and len(found) < request.limit:
        places, complete = await index.find(query, before, PLACES_AT_ONCE, until)
        has_more = len(places) == PLACES_AT_ONCE or not complete
        for place in places:
            if place.n >= before:
                continue  # an earlier attempt of a job that is decided already
            before = place.n
            record = services.table.get(place.job)
            if record is not None and record.n == place.n and matches(record):
                found.append((record, place))
                if len(found) == request.limit:
                    has_more = has_more or place is not places[-1]
                    break
        complete = complete and (time.monotonic() < until or not has_more or len(found) == request.limit)
    excerpts = await index.excerpts(query, [place for _, place in found])
    hits = [
        _hit(record, place, excerpt)
        for (record, place), excerpt in zip(found, excerpts, strict=True)
        if excerpt is not None
    ]
    dropped = await index.has_dropped()
    following = before if has_more and before != _FIRST else None
    call.answer(replies.SearchPage(hits, following, complete, index.pending, dropped, index.problem))


async def search_rebuild(services: Services, request: SearchRebuild, call: Call) -> None:
    """Build the index again."""
    del request
    call.answer(replies.SearchRebuilt(await services.fulltext.rebuild()))


def _hit(record: JobRecord, place: Place, found: Found) -> Hit:
    shown = summarize_job(record, None)
    return Hit(
        job=record.id,
        project=record.project,
        agent=record.spec.agent,
        state=record.status.state,
        created_at=to_datetime(record.spec.created_at),
        task=shown.task or "",
        where=found.where,
        attempt=place.attempt,
        excerpt=found.pieces,
    )
