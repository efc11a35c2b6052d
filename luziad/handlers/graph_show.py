"""`graph_show`: the jobs that come before and after one."""

from __future__ import annotations

from luzia_protocol import replies
from luzia_protocol.requests import MAX_PAGE, GraphShow

from luziad.handlers.base import Call, Services
from luziad.jobs.graph_order import sort_parents_first
from luziad.jobs.record import JobRecord


def graph_show(services: Services, request: GraphShow, call: Call) -> replies.JobGraph:
    """All jobs that come before or after a job, however far, parents first."""
    start = services.table.find(request.job, call.uid)
    children: dict[str, list[str]] = {}
    for record in services.table.newest_first():
        if record.status.dependencies is not None:
            for parent in record.status.dependencies.parents:
                children.setdefault(parent, []).append(record.id)
    found: dict[str, JobRecord] = {start.id: start}
    waiting = [start]
    for record in waiting:
        near = (
            *(record.status.dependencies.parents if record.status.dependencies else ()),
            *children.get(record.id, ()),
        )
        for job in near:
            other = services.table.get(job)
            if job not in found and other is not None and other.durable and len(found) < MAX_PAGE:
                found[job] = other
                waiting.append(other)
    oldest_first = sorted(found.values(), key=lambda record: record.n)
    order = sort_parents_first(
        {each.id: each.status.dependencies.parents if each.status.dependencies else () for each in oldest_first}
    )
    return replies.JobGraph([services.view(found[job], whole=False) for job in order], len(found) == MAX_PAGE)
