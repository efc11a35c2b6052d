"""`graph` and `graph_show`: accept many jobs that come after one another, all or none, and show them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

import msgspec

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_GRAPH_JOBS, MAX_PAGE, Graph, GraphShow, Node

from luziad.core.graphs import a_cycle, parents_first
from luziad.core.record import JobRecord
from luziad.errors import StorageError
from luziad.handlers.base import Call, Services, storage_refusal
from luziad.handlers.dispatch import check_room, forget_environments, new_record
from luziad.handlers.graph_checks import after_of

NODE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def graph(services: Services, request: Graph, call: Call) -> None:
    """Check all jobs, accept them in one step, and answer when they are on disk."""
    nodes = _named(request)
    if request.key is not None and (known := _known(services, request.key, nodes)):
        services.journal.after_commit(_Asked(call, replies.Graphed(known, created=False), 1))
        return
    check_room(services, len(nodes))
    parents = {name: _parents(node) for name, node in nodes.items()}
    if found := a_cycle(parents):
        raise Refused(ErrorCode.GRAPH_CYCLE, f"these jobs wait for one another: {' → '.join(found)}")
    records = _records(services, request, nodes, parents_first(parents), call.uid)
    answer = replies.Graphed({name: records[name].id for name in nodes})
    asked = _Asked(call, answer, len(records))
    for record in records.values():
        services.scheduler.accept(record, asked)


class _Asked:
    """Who asked for the graph: gets one answer when all of it is on disk, or one refusal.

    All jobs are recorded in one turn of the loop, so they are in one commit.
    """

    def __init__(self, call: Call, answer: replies.Graphed, jobs: int) -> None:
        self._call = call
        self._answer = answer
        self._left = jobs
        self._refused = False

    def committed(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._call.answer(self._answer)

    def refused(self, error: StorageError) -> None:
        if not self._refused:
            self._refused = True
            self._call.refuse(storage_refusal(error))


def _named(request: Graph) -> dict[str, Node]:
    """The jobs by name; one without a name is called by its number."""
    if not 1 <= len(request.jobs) <= MAX_GRAPH_JOBS:
        raise Refused(
            ErrorCode.BAD_REQUEST, f"a graph has from 1 to {MAX_GRAPH_JOBS} jobs, and this one {len(request.jobs)}"
        )
    nodes: dict[str, Node] = {}
    for number, node in enumerate(request.jobs, 1):
        name = node.name or str(number)
        if not NODE.fullmatch(name):
            raise Refused(ErrorCode.BAD_REQUEST, f"job {number}: {name[:80]!r} cannot be a name in a graph")
        if name in nodes:
            raise Refused(ErrorCode.BAD_REQUEST, f"job {number}: there is another one called {name!r}")
        if node.key is not None:
            raise Refused(ErrorCode.BAD_REQUEST, f"job {name!r}: the graph can have a `key`, its jobs cannot")
        nodes[name] = node
    return nodes


def _known(services: Services, key: str, nodes: Iterable[str]) -> dict[str, str]:
    """The ids of a graph that was dispatched with this key; empty when there is none."""
    found = {name: services.table.by_key(_key(key, name)) for name in nodes}
    return {name: record.id for name, record in found.items() if record is not None}


def _key(key: str, name: str) -> str:
    return f"{key}/{name}"


def _parents(node: Node) -> tuple[str, ...]:
    return (*node.after, *node.after_any, *node.after_fail)


def _records(
    services: Services, request: Graph, nodes: dict[str, Node], order: list[str], uid: int
) -> dict[str, JobRecord]:
    """The jobs in their order, none of them accepted yet. Raises Refused, naming the job, with nothing left behind."""
    records: dict[str, JobRecord] = {}
    taken: set[str] = set()

    def id_of(name: str) -> str:
        if name in records:
            return records[name].id
        try:
            return services.table.find(name, uid).id
        except Refused as refused:
            near = get_close_matches(name, nodes, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise Refused(refused.code, f"{refused.message}, and no job of the graph is called so.{hint}") from refused

    try:
        for name in order:
            try:
                node = nodes[name]
                key = None if request.key is None else _key(request.key, name)
                shared = request.client_env | node.client_env
                parent = request.parent if node.parent is None else node.parent
                asked = msgspec.structs.replace(node, key=key, client_env=shared, name=name, parent=parent)
                records[name] = new_record(services, asked, uid, after_of(node, id_of), node=name, taken=taken)
                taken.add(records[name].id)
            except Refused as refused:
                raise Refused(refused.code, f"job {name!r}: {refused.message}", refused.hint) from refused
    except Refused:
        forget_environments(services, records.values())
        raise
    return records


def graph_show(services: Services, request: GraphShow, call: Call) -> replies.GraphShown:
    """All jobs that come before or after a job, however far, parents first."""
    start = services.table.find(request.job, call.uid)
    children: dict[str, list[str]] = {}
    for record in services.table.newest_first():
        if record.fate.after is not None:
            for parent in record.fate.after.parents:
                children.setdefault(parent, []).append(record.id)
    found: dict[str, JobRecord] = {start.id: start}
    waiting = [start]
    for record in waiting:
        near = (*(record.fate.after.parents if record.fate.after else ()), *children.get(record.id, ()))
        for job in near:
            other = services.table.get(job)
            if job not in found and other is not None and other.durable and len(found) < MAX_PAGE:
                found[job] = other
                waiting.append(other)
    oldest_first = sorted(found.values(), key=lambda record: record.n)
    order = parents_first({each.id: each.fate.after.parents if each.fate.after else () for each in oldest_first})
    return replies.GraphShown([services.view(found[job], whole=False) for job in order], len(found) == MAX_PAGE)
