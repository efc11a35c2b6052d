"""`graph_part`: the jobs of a graph that is too large for one request, kept until the `graph` that accepts all of them.

Nothing of them is validated, visible or on disk before. They are dropped with their connection, or when the next part
does not come in time.
"""

from __future__ import annotations

import asyncio

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.graphs import Graph, GraphPart, GraphPartResult, Node
from luzia_protocol.requests import MAX_GRAPH_JOBS

from luziad.handlers.replies import Call

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Encoded jobs of all graphs together, which take a multiple of it in memory."""
NEXT_PART_S = 60.0
"""How long the next part may take."""

_encode = msgspec.json.Encoder().encode


class _Kept:
    """The parts of one graph that have come. size: bytes of their jobs."""

    def __init__(self) -> None:
        self.parts = 0
        self.size = 0
        self.jobs: list[Node] = []
        self.timer: asyncio.TimerHandle | None = None


class GraphParts:
    """The parts of all graphs that are not complete, by connection and key."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, str], _Kept] = {}
        self._size = 0

    def put(self, request: GraphPart, call: Call) -> GraphPartResult:
        """Keep a part. Raises Refused, with the earlier parts dropped, when it does not follow them or is too much."""
        place = (call.connection, request.key)
        if request.part == 0:
            self._drop(place)
            call.on_disconnect(lambda: self._drop(place))
            self._kept[place] = _Kept()
        kept = self._expect(place, request.part)
        size = len(_encode(request.jobs))
        if len(kept.jobs) + len(request.jobs) > MAX_GRAPH_JOBS:
            self._drop(place)
            raise Refused(ErrorCode.BAD_REQUEST, f"a graph has at most {MAX_GRAPH_JOBS} jobs")
        if self._size + size > MAX_KEPT_BYTES:
            self._drop(place)
            message = f"the graphs that are being sent have more than {MAX_KEPT_BYTES // 1024**2} MiB together"
            raise Refused(ErrorCode.OVERLOADED, message)
        if kept.timer is not None:
            kept.timer.cancel()
        kept.timer = asyncio.get_running_loop().call_later(NEXT_PART_S, self._drop, place)
        kept.parts += 1
        kept.jobs += request.jobs
        kept.size += size
        self._size += size
        return GraphPartResult(len(kept.jobs))

    def complete(self, request: Graph, call: Call) -> Graph:
        """The graph with the jobs of its earlier parts. Raises Refused when they are not here."""
        if request.parts == 0:
            return request
        if request.key is None:
            raise Refused(ErrorCode.BAD_REQUEST, "a graph with `parts` needs a `key`")
        place = (call.connection, request.key)
        jobs = self._expect(place, request.parts).jobs
        self._drop(place)
        return msgspec.structs.replace(request, jobs=[*jobs, *request.jobs])

    def _expect(self, place: tuple[object, str], part: int) -> _Kept:
        kept = self._kept.get(place)
        if kept is None or kept.parts != part:
            found = 0 if kept is None else kept.parts
            self._drop(place)
            message = f"part {part} of the graph '{place[1]}' comes too early: {found} of {part} have arrived before it"
            raise Refused(ErrorCode.BAD_REQUEST, message, "Send all parts again, from 0 on, over one connection.")
        return kept

    def _drop(self, place: tuple[object, str]) -> None:
        kept = self._kept.pop(place, None)
        if kept is not None:
            self._size -= kept.size
            if kept.timer is not None:
                kept.timer.cancel()
