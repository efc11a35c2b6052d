"""Where a job stands among others: its name in a graph, and the job that dispatched it. Pure data."""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """For the few jobs that have it. node: what the job is called in its graph. tags: the caller's words about it."""

    node: str = ""
    tags: dict[str, str] = {}
