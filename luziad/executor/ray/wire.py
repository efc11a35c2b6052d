"""What the daemon and the bridge say to each other: a struct a line, as JSON, over the bridge's pipes. Pure."""

from __future__ import annotations

import msgspec

from luziad.executor.ray.demand import Demand, NodeResources
from luziad.jobs.attempt import AttemptEnd


class Tree(msgspec.Struct, frozen=True):
    """A job's worktree on the daemon's host.

    directories: git's own for it. repository: the project's work tree. copied: what it has besides the files of git.
    """

    path: str
    branch: str
    repository: str
    directories: list[str]
    copied: list[str] = []


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """Start an attempt. request: that of the shim, as JSON. directory: the attempt's. tree: None to run as it is."""

    job: str
    attempt: int
    directory: str
    request: bytes
    demand: Demand
    tree: Tree | None = None


class Attach(msgspec.Struct, frozen=True, tag="attach"):
    """Follow an attempt that an earlier bridge has submitted, or tell what has become of it."""

    job: str
    attempt: int
    directory: str


class Command(msgspec.Struct, frozen=True, tag="command"):
    """Give an attempt a command of guard.py."""

    job: str
    attempt: int
    letter: str


class Write(msgspec.Struct, frozen=True, tag="write"):
    """Write a line to the stdin of an agent. n: of the reply."""

    n: int
    job: str
    attempt: int
    line: str


Request = Submit | Attach | Command | Write


class Cluster(msgspec.Struct, frozen=True, tag="cluster"):
    """What is known of the cluster. nodes: those that are alive. problem: why it cannot be used; None when it can.

    is_refused: that does not end by itself.
    """

    nodes: list[NodeResources] = []
    problem: str | None = None
    is_refused: bool = False


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The agent has started. pid: on its node."""

    job: str
    attempt: int
    pid: int
    started_at: float


class Problem(msgspec.Struct, frozen=True, tag="problem"):
    """Why it is not known how an attempt fares; None when that is over."""

    job: str
    attempt: int
    text: str | None


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The attempt has ended; what is recorded of it is in its directory."""

    job: str
    attempt: int
    end: AttemptEnd


class Written(msgspec.Struct, frozen=True, tag="written"):
    """The reply to Write. error: why the line was not delivered."""

    n: int
    error: str | None


Event = Cluster | Started | Problem | Ended | Written
