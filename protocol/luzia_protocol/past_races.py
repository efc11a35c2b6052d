"""Races of jobs that were removed. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.dispatch import AwareTime
from luzia_protocol.jobs import Job

MAX_PAST = 1000
"""The most jobs in one reply."""


class PastRaces(Base, tag="past_races"):
    """The jobs of races that were removed, the latest removed first. Answered by replies.PastRacers.

    projects: only of these; empty for all. since: only jobs that were dispatched at this time or later. cursor: the
    `next` of the reply before.
    """

    projects: list[str] = []
    since: AwareTime | None = None
    cursor: int | None = None


class PastRacers(msgspec.Struct):
    """Racers and verifications as they were when they were removed, without their task. next: None at the end."""

    jobs: list[Job]
    next: int | None = None
