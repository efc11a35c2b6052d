"""What the daemon knows of one attempt, as plain values: shared by the scheduler, executors and adapters."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from luzia_protocol.jobs import Outcome, Usage


class AttemptRef(NamedTuple):
    """Names an attempt: the job's id and the attempt's number, from 1."""

    job: str
    attempt: int


class Exited(msgspec.Struct, frozen=True, tag=True):
    """The shim's exit record: the agent ran, or could not be started, and this is how it ended.

    exit_code and signal (a name such as SIGKILL) exclude each other; both are None when `error` says why the
    agent could not be started. stopped: the shim had been asked to end the attempt. Times are epoch seconds;
    duration_s is from a clock that does not jump. memory_limit_bytes: the limit, when the kernel killed something of
    the attempt for it.
    """

    exit_code: int | None
    signal: str | None
    error: str | None
    stopped: bool
    started_at: float
    ended_at: float
    duration_s: float
    usage: Usage
    memory_limit_bytes: int | None = None


class NeverStarted(msgspec.Struct, frozen=True, tag=True):
    """The agent was certainly not started, and the attempt is fenced: it cannot start any more."""

    reason: str


class Lost(msgspec.Struct, frozen=True, tag=True):
    """The agent was started and nobody can know how it ended."""

    reason: str


AttemptEnd = Exited | NeverStarted | Lost


class Verdict(msgspec.Struct, frozen=True):
    """How an attempt ended, with the reason in words (None when there is nothing to add)."""

    outcome: Outcome
    reason: str | None = None
