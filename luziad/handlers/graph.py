"""`graph`: accept many jobs that come after one another, all or none.

A large graph is looked at in turns of the loop, so that others are answered in between. Nothing of it is to be seen
until all of it is accepted, which is one turn and one commit.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Generator, Iterable
from contextlib import closing
from difflib import get_close_matches

import msgspec

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_GRAPH_JOBS, Graph, Node

from luziad.errors import StorageError
from luziad.handlers.base import Call, Services, storage_refusal
from luziad.handlers.dispatch.dependencies import after_of
from luziad.handlers.dispatch.dispatch import check_room, forget_environments, new_record
from luziad.jobs.graph_order import find_any_cycle, sort_parents_first
from luziad.jobs.record import JobRecord
from luziad.scheduling.slices import AT_ONCE

NODE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def graph(services: Services, request: Graph, call: Call) -> Awaitable[None] | None:
    """Check all jobs, accept them in one step, and answer when they are on disk."""
    turns = _take_in(services, request, call)
    inside = request.parent is not None or any(node.parent is not None for node in request.jobs)
    if len(request.jobs) > AT_ONCE and not inside:  # what the jobs above may have could change between the turns
        return _in_turns(turns)
    for _ in turns:
        pass
    return None


async def _in_turns(turns: Generator[None]) -> None:
    """Let others have their turn between the turns of a graph. When its connection is gone, so is the graph."""
    with closing(turns):
        for _ in turns:
            await asyncio.sleep(0)


def _take_in(services: Services, request: Graph, call: Call) -> Generator[None]:
    """Make the jobs, some in each turn, and accept them in the last one. Raises Refused, with nothing left behind."""
    nodes = _named(request)
    if _answer_known(services, request, nodes, call):
        return
    check_room(services, len(nodes))
    making = _Making(services, request, nodes, call.uid)
    accepted = False
    try:
        for number, name in enumerate(_order(nodes), 1):
            making.make(name)
            if number % AT_ONCE == 0:
                yield
        if _answer_known(services, request, nodes, call):
            return
        check_room(services, len(nodes))
        making.check_outside()
        answer = replies.GraphResult({name: making.records[name].id for name in nodes})
        services.scheduler.accept_all(making.records.values(), _Asked(call, answer, len(nodes)))
        accepted = True
    finally:
        making.close(accepted)


class _Asked:
    """Who asked for the graph: gets one answer when all of it is on disk, or one refusal.

    All jobs are recorded in one turn of the loop, so they are in one commit.
    """

    def __init__(self, call: Call, answer: replies.GraphResult, jobs: int) -> None:
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


def _answer_known(services: Services, request: Graph, nodes: Iterable[str], call: Call) -> bool:
    """Answer with the ids of a graph that was dispatched with the same key; False when there is none."""
    if request.key is None:
        return False
    found = {name: services.table.by_key(_key(request.key, name)) for name in nodes}
    known = {name: record.id for name, record in found.items() if record is not None}
    if known:
        services.journal.after_commit(_Asked(call, replies.GraphResult(known, created=False), 1))
    return bool(known)


def _order(nodes: dict[str, Node]) -> list[str]:
    """The names, parents first. Raises Refused for jobs that wait for one another."""
    parents = {name: _parents(node) for name, node in nodes.items()}
    order = sort_parents_first(parents)
    if len(order) < len(nodes):
        cycle = " → ".join(find_any_cycle(parents))
        raise Refused(ErrorCode.GRAPH_CYCLE, f"these jobs wait for one another: {cycle}")
    return order


def _key(key: str, name: str) -> str:
    return f"{key}/{name}"


def _parents(node: Node) -> tuple[str, ...]:
    return (*node.after, *node.after_any, *node.after_fail)


class _Making:
    """The jobs of a graph by name, none of them accepted yet. Their ids are nobody else's until `close`."""

    def __init__(self, services: Services, request: Graph, nodes: dict[str, Node], uid: int) -> None:
        self.records: dict[str, JobRecord] = {}
        self._services = services
        self._request = request
        self._nodes = nodes
        self._uid = uid
        self._ids: set[str] = set()
        self._outside: set[str] = set()

    def make(self, name: str) -> None:
        """Check one job and make its record. Raises Refused, which names the job."""
        node, key = self._nodes[name], self._request.key
        try:
            asked = msgspec.structs.replace(
                node,
                key=None if key is None else _key(key, name),
                client_env=self._request.client_env | node.client_env,
                name=name,
                parent=self._request.parent if node.parent is None else node.parent,
            )
            after = after_of(node, self._id_of)
            record = new_record(self._services, asked, self._uid, after, node=name, others=len(self._ids))
        except Refused as refused:
            raise Refused(refused.code, f"job {name!r}: {refused.message}", refused.hint) from refused
        self.records[name] = record
        self._ids.add(record.id)
        self._services.table.reserved_ids.add(record.id)

    def check_outside(self) -> None:
        """Raise Refused when a job that the graph comes after was removed meanwhile: nobody knows how it ended."""
        for job in self._outside:
            if self._services.table.get(job) is None:
                raise Refused(ErrorCode.UNKNOWN_JOB, f"job {job}, which others come after, was removed just now")

    def close(self, accepted: bool) -> None:
        """Keep the ids for nobody any more, and the variables only of jobs that were accepted."""
        self._services.table.reserved_ids -= self._ids
        if not accepted:
            forget_environments(self._services, self.records.values())

    def _id_of(self, name: str) -> str:
        if name in self.records:
            return self.records[name].id
        try:
            found = self._services.table.find(name, self._uid).id
        except Refused as refused:
            near = get_close_matches(name, self._nodes, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise Refused(refused.code, f"{refused.message}, and no job of the graph is called so.{hint}") from refused
        self._outside.add(found)
        return found
