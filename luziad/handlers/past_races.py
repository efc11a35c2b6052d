"""`past_races`: the jobs of races that were removed."""

from __future__ import annotations

from luzia_protocol.past_races import MAX_PAST, PastRacers, PastRaces

from luziad.handlers.replies import Call
from luziad.handlers.services import Services


async def past_races(services: Services, request: PastRaces, call: Call) -> None:
    """A page of them."""
    call.out_of_order()
    found = await services.past_races.read()
    projects = frozenset(map(services.find_project, request.projects))
    first = max(request.cursor or 0, 0)
    jobs = [
        job
        for job in found[first : first + MAX_PAST]
        if (not projects or job.project in projects) and (request.since is None or job.created_at >= request.since)
    ]
    call.answer(PastRacers(jobs, first + MAX_PAST if first + MAX_PAST < len(found) else None))
