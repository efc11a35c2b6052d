"""Splits a graph that is too large for one request; the daemon accepts all of its parts or none. Sans-I/O."""

from __future__ import annotations

import msgspec

from luzia_protocol import requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.framing import MAX_FRAME_BYTES

from luzia_client.api.replies import encode_request

PART_BYTES = MAX_FRAME_BYTES * 3 // 4
"""The size of the jobs of a part. Only a job that is larger itself makes a larger one."""
_REST_BYTES = 64 * 1024
"""What the rest of a part may take, beside a large job."""


def too_large(size: int, what: str = "job") -> Refused:
    """The refusal of a job or request of this number of bytes: the daemon would close the connection."""
    message = f"the {what} takes {size} bytes; a request has {MAX_FRAME_BYTES // 1024**2} MiB at most"
    return Refused(ErrorCode.FRAME_TOO_LARGE, message, "Put large input into a file that the task names.")


def split_graph(graph: requests.Graph) -> tuple[list[requests.GraphPart], requests.Graph]:
    """The parts to send first, over the same connection, and the graph with the rest; no parts if it is small enough.

    graph: with a `key`, by which the daemon knows the parts. Raises Refused for a job that fits into no part.
    """
    if graph.key is None or len(encode_request(graph)) <= MAX_FRAME_BYTES:
        return [], graph
    groups: list[list[requests.Node]] = [[]]
    size = 0
    for number, node in enumerate(graph.jobs, 1):
        more = len(encode_request(node))
        if more > MAX_FRAME_BYTES - _REST_BYTES:
            name, refused = node.name or str(number), too_large(more)
            raise Refused(refused.code, f"job '{name}': {refused.message}", refused.hint, {name: refused})
        if size + more > PART_BYTES and groups[-1]:
            groups.append([])
            size = 0
        groups[-1].append(node)
        size += more
    *first, rest = groups
    parts = [requests.GraphPart(key=graph.key, part=number, jobs=jobs) for number, jobs in enumerate(first)]
    return parts, msgspec.structs.replace(graph, jobs=rest, parts=len(parts))
