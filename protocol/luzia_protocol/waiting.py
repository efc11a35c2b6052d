"""Why a job waits: its gates, the limits that apply to it, its position, and when it will start. See version.py."""

from __future__ import annotations

from datetime import datetime

import msgspec

from luzia_protocol.base import JobRequest
from luzia_protocol.jobs import Job


class Why(JobRequest, tag="why"):
    """Everything that a queued job has to pass before it starts. Answered by replies.WhyResult."""


class GateState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A condition for the start of a job.

    name: of the condition. is_open: whether it lets the job pass; None when it is asked later, because the job is not
    ready before other gates are open. reason: why it is closed. opens_at: when it opens, if that is known.
    """

    name: str
    is_open: bool | None
    reason: str | None = None
    opens_at: datetime | None = None


class LimitState(msgspec.Struct, frozen=True, gc=False):
    """A limit that applies to a job: how much of it is in use, and how much there is."""

    name: str
    used: int
    capacity: int


class StartEstimate(msgspec.Struct, frozen=True, gc=False):
    """When a job is expected to start, computed from earlier jobs: an estimate, which other jobs can change.

    typical_s: the median time that jobs like those before it ran. jobs: how many ended jobs that is computed from.
    """

    at: datetime
    typical_s: float
    jobs: int


class WhyResult(msgspec.Struct, frozen=True):
    """A job in full, and why it waits.

    gates: in the order in which they are asked; empty unless the job is queued. limits: those that apply to it, once
    it is ready. position: the number of starts until its own. estimate: None when earlier jobs do not tell.
    """

    job: Job
    gates: list[GateState] = []
    limits: list[LimitState] = []
    position: int | None = None
    estimate: StartEstimate | None = None
