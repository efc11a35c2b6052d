"""`graph` and `graph_show`: accept many jobs that depend on one another, all or none, and show them.

A large graph is validated and accepted in slices, so that the daemon answers other requests in between. Nothing of it
is visible until all of it is accepted, in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

import msgspec

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.graphs import NODE_NAME
from luzia_protocol.requests import MAX_GRAPH_JOBS, MAX_PAGE, Graph, GraphPart, GraphShow, Node

from luziad.handlers.dispatch.dependencies import validate_dependencies
from luziad.handlers.job_encoding import encode_jobs
from luziad.handlers.replies import AcceptanceReply, Call, SlicedReply
from luziad.handlers.services import Services
from luziad.jobs.graph_order import find_any_cycle, sort_parents_first
from luziad.jobs.record import JobRecord
from luziad.journal.journal import CommitListener
from luziad.scheduling.joint_admission import Joint

MAX_UNSLICED = 4
"""A graph of up to this number of jobs is accepted at once, as a dispatch is, so that many of them share a commit."""
MAX_MISTAKES = 100
"""The jobs of a graph whose mistakes are told at once."""
MAX_SHOWN_MISTAKES = 10
"""How many of them the message of the error names."""


def graph(services: Services, request: Graph, call: Call) -> SlicedReply | None:
    """Validate all jobs, accept them in one step, and answer when they are on disk."""
    request = services.graph_parts.complete(request, call)
    has_parent = request.parent is not None or any(node.parent is not None for node in request.jobs)
    is_sliced = len(request.jobs) > MAX_UNSLICED and not has_parent
    joint = services.scheduler.joint
    slices = _accept(services, request, call, joint.accept if is_sliced else joint.accept_now)
    if is_sliced:
        return slices
    for _ in slices:  # what ancestors may dispatch could change between the slices
        pass
    return None


def graph_part(services: Services, request: GraphPart, call: Call) -> replies.GraphPartResult:
    """Keep some jobs of a graph for the `graph` request that follows."""
    return services.graph_parts.put(request, call)


def _accept(services: Services, request: Graph, call: Call, accept: Callable[[Joint], None]) -> SlicedReply:
    """Make the jobs, some in each slice, and accept them all in the last. Raises Refused, with nothing left behind."""
    nodes = _validate_names(request)
    if _answer_existing(services, request, nodes, call):
        return None
    services.job_factory.require_room(len(nodes))
    draft = _GraphDraft(services, request, nodes, call.uid)
    accepted = False
    try:
        for name in _sort(nodes):
            draft.add(name)
            yield
        draft.check_mistakes()
        if _answer_existing(services, request, nodes, call):
            return None
        services.job_factory.require_room(len(nodes))
        draft.check_dependencies()
        accepted = True
        accept(draft.complete(AcceptanceReply(call, replies.GraphResult(draft.ids(nodes)))))
        return None
    finally:
        if not accepted:
            draft.release(list(draft.records.values()))


def _validate_names(request: Graph) -> dict[str, Node]:
    """The jobs by name; one without a name gets its number. Raises Refused."""
    if not 1 <= len(request.jobs) <= MAX_GRAPH_JOBS:
        raise Refused(ErrorCode.BAD_REQUEST, f"a graph has 1 to {MAX_GRAPH_JOBS} jobs, not {len(request.jobs)}")
    nodes: dict[str, Node] = {}
    for number, node in enumerate(request.jobs, 1):
        name = node.name or str(number)
        if not NODE_NAME.fullmatch(name):
            raise Refused(ErrorCode.BAD_REQUEST, f"job {number}: invalid name '{name[:80]}'")
        if name in nodes:
            raise Refused(ErrorCode.BAD_REQUEST, f"job {number}: duplicate name '{name}'")
        if node.key is not None:
            raise Refused(ErrorCode.BAD_REQUEST, f"job '{name}': only the graph can have a `key`")
        nodes[name] = node
    return nodes


def _answer_existing(services: Services, request: Graph, nodes: Iterable[str], call: Call) -> bool:
    """Answer with the graph that was dispatched with the same key; False when there is none."""
    if request.key is None:
        return False
    joint = services.scheduler.joint.by_key((call.uid, request.key))
    if joint is not None:
        ids = {record.spec.origin.node: record.id for record in joint.records if record.spec.origin is not None}
        joint.listeners.append(AcceptanceReply(call, replies.GraphResult(ids, created=False)))
        return True
    found = {name: services.table.by_key((call.uid, _job_key(request.key, name))) for name in nodes}
    known = {name: record.id for name, record in found.items() if record is not None}
    if known:
        services.journal.after_commit(AcceptanceReply(call, replies.GraphResult(known, created=False)))
    return bool(known)


def _sort(nodes: dict[str, Node]) -> list[str]:
    """The names, dependencies first. Raises Refused for a cycle."""
    parents = {name: _parents(node) for name, node in nodes.items()}
    order = sort_parents_first(parents)
    if len(order) < len(nodes):
        cycle = " → ".join(find_any_cycle(parents))
        raise Refused(ErrorCode.GRAPH_CYCLE, f"dependency cycle: {cycle}")
    return order


def _job_key(key: str, name: str) -> str:
    return f"{key}/{name}"


def _parents(node: Node) -> tuple[str, ...]:
    return (*node.after, *node.after_any, *node.after_fail)


class _GraphDraft:
    """The jobs of a graph by name, none of them accepted yet. Their ids are reserved until `close`."""

    def __init__(self, services: Services, request: Graph, nodes: dict[str, Node], uid: int) -> None:
        self.records: dict[str, JobRecord] = {}
        self._services = services
        self._request = request
        self._nodes = nodes
        self._uid = uid
        self._dependencies: set[str] = set()
        self._mistakes: dict[str, Refused] = {}
        self._left_out: set[str] = set()

    def add(self, name: str) -> None:
        """Validate one job and make its record, or note what is wrong. After a mistake, its dependents are left out."""
        if len(self._mistakes) == MAX_MISTAKES or not self._left_out.isdisjoint(_parents(self._nodes[name])):
            self._left_out.add(name)
            return
        try:
            self._add(name)
        except Refused as refused:
            self._mistakes[name] = refused
            self._left_out.add(name)

    def check_mistakes(self) -> None:
        """Raise Refused for all jobs that cannot be dispatched, each with its name and what is wrong."""
        if not self._mistakes:
            return
        first = next(iter(self._mistakes.values()))
        told = [f"job '{name}': {refused.message}" for name, refused in self._mistakes.items()]
        more = len(told) - MAX_SHOWN_MISTAKES
        shown = "; ".join(told[:MAX_SHOWN_MISTAKES]) + (f"; and {more} more" if more > 0 else "")
        raise Refused(first.code, shown, first.hint, self._mistakes) from first

    def _add(self, name: str) -> None:
        node, key = self._nodes[name], self._request.key
        dispatch = msgspec.structs.replace(
            node,
            key=None if key is None else _job_key(key, name),
            client_env=self._request.client_env | node.client_env,
            name=name,
            parent=self._request.parent if node.parent is None else node.parent,
            umask=self._request.umask if node.umask is None else node.umask,
        )
        after = validate_dependencies(node, self._find_id)
        factory = self._services.job_factory
        record = factory.create(dispatch, self._uid, after, node=name, siblings=len(self.records))
        self.records[name] = record
        self._services.table.reserved_ids.add(record.id)

    def check_dependencies(self) -> None:
        """Raise Refused when a job that the graph depends on was removed meanwhile: its outcome is unknown."""
        for job in self._dependencies:
            if self._services.table.get(job) is None:
                raise Refused(ErrorCode.UNKNOWN_JOB, f"job {job}, which the graph depends on, was removed meanwhile")

    def ids(self, names: Iterable[str]) -> dict[str, str]:
        """The ids of these jobs, by name."""
        return {name: self.records[name].id for name in names}

    def complete(self, listener: CommitListener) -> Joint:
        """All jobs, to be accepted. listener: hears when they are on disk."""
        key = None if self._request.key is None else (self._uid, self._request.key)
        return Joint(key, list(self.records.values()), [listener], self.release)

    def release(self, records: Sequence[JobRecord]) -> None:
        """Release the ids and the variables of jobs that are not accepted."""
        self._services.table.reserved_ids.difference_update(record.id for record in records)
        self._services.job_factory.release_variables(records)

    def _find_id(self, name: str) -> str:
        if name in self.records:
            return self.records[name].id
        try:
            found = self._services.table.find(name, self._uid).id
        except Refused as refused:
            near = get_close_matches(name, self._nodes, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else ""
            raise Refused(refused.code, f"{refused.message}, nor is it in the graph", hint) from refused
        self._dependencies.add(found)
        return found


def graph_show(services: Services, request: GraphShow, call: Call) -> SlicedReply:
    """All direct and indirect dependencies and dependents of a job, dependencies first."""
    start = services.table.find(request.job, call.uid)
    children: dict[str, list[str]] = {}
    for record in list(services.table.newest_first()):
        for parent in _parents_of(record):
            children.setdefault(parent, []).append(record.id)
        yield
    found: dict[str, JobRecord] = {start.id: start}
    pending = [start]
    for record in pending:
        for job in (*_parents_of(record), *children.get(record.id, ())):
            other = services.table.get(job)
            if job not in found and other is not None and other.durable and len(found) < MAX_PAGE:
                found[job] = other
                pending.append(other)
        yield
    oldest_first = sorted(found.values(), key=lambda record: record.n)
    order = sort_parents_first({each.id: _parents_of(each) for each in oldest_first})
    jobs = yield from encode_jobs(services, [found[job] for job in order])
    return replies.JobGraph(jobs, len(found) == MAX_PAGE or len(jobs) < len(order))


def _parents_of(record: JobRecord) -> tuple[str, ...]:
    return () if record.status.dependencies is None else record.status.dependencies.parents
