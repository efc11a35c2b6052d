"""Jobs that come after one another. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.dispatch import Dispatch
from luzia_protocol.jobs import Job


class Node(Dispatch, tag="dispatch"):
    """A job of a graph: a dispatch with a name. Without one its number in the graph, from 1, is its name.

    `after`, `after_any` and `after_fail` name jobs of the graph, and of the others that there are.
    """

    name: str = ""


class Graph(Base, tag="graph"):
    """Accept all of these jobs or none, in one commit. Answered by replies.GraphResult.

    jobs: 1 to MAX_GRAPH_JOBS. key: the same key returns the same jobs.
    client_env: for every job, see Dispatch; and so is parent, unless a job says another one.
    """

    jobs: list[Node]
    key: str | None = None
    client_env: dict[str, str] = {}
    parent: str | None = None


class GraphShow(Base, tag="graph_show"):
    """The jobs that come before and after a job, however far, at most MAX_PAGE. Answered by replies.JobGraph."""

    job: str


class GraphResult(msgspec.Struct, frozen=True):
    """The jobs are on disk: their ids by their names. `created` is False when `key` named a graph that existed."""

    jobs: dict[str, str]
    created: bool = True


class JobGraph(msgspec.Struct, frozen=True):
    """The jobs of a graph, in the form of lists, parents before children; `cut` when there are more."""

    jobs: list[Job]
    cut: bool = False
