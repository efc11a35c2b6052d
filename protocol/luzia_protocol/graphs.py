"""Graphs of jobs that depend on one another. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

import re

import msgspec

from luzia_protocol.base import Base, JobRequest
from luzia_protocol.dispatch import Dispatch
from luzia_protocol.jobs import Job

NODE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
"""The name of a job, in a graph or of its own."""


class Node(Dispatch, tag="dispatch"):
    """A job of a graph: a dispatch whose default name is its number in the graph, from 1.

    `after`, `after_any` and `after_fail` name jobs of the graph or other jobs.
    """


class Graph(Base, tag="graph"):
    """Accept all of these jobs or none, in one commit. Answered by replies.GraphResult.

    jobs: 1 to MAX_GRAPH_JOBS. key: idempotency key of the graph.
    client_env: for every job, see Dispatch; likewise parent and umask, unless a job has its own.
    parts: how many `graph_part` requests with this key, over the same connection, have the jobs before these.
    """

    jobs: list[Node]
    key: str | None = None
    client_env: dict[str, str] = {}
    parent: str | None = None
    umask: int | None = None
    parts: int = 0


class GraphPart(Base, tag="graph_part"):
    """Keep jobs for a graph that is too large for one line. Answered by replies.GraphPartResult.

    Nothing is accepted before the `graph` with the same key. part: its number, from 0; 0 begins the graph again.
    """

    key: str
    part: int
    jobs: list[Node]


class GraphPartResult(msgspec.Struct, frozen=True):
    """The part is kept. kept: the number of jobs in all parts so far."""

    kept: int


class GraphShow(JobRequest, tag="graph_show"):
    """All direct and indirect dependencies and dependents of a job, up to MAX_PAGE. Answered by replies.JobGraph."""


class GraphResult(msgspec.Struct, frozen=True):
    """The jobs are on disk: ids by name. created: False when a graph with this `key` existed."""

    jobs: dict[str, str]
    created: bool = True


class JobGraph(msgspec.Struct, frozen=True):
    """The jobs of a graph, in the form of lists, dependencies first. cut: there are more."""

    jobs: list[Job]
    cut: bool = False
