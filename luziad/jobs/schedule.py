"""A schedule as it is kept in memory and in the store. Pure data.

Both halves of a record are encoded as JSON into the store: a new field has a default, and a field is never renamed.
Times are epoch seconds.
"""

from __future__ import annotations

import msgspec

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.schedules import MissedPolicy, OverlapPolicy


class ScheduleSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked. job: the dispatch without its variables, which are the sets env_set and client_set."""

    name: str
    cron: str
    timezone: str
    job: Dispatch
    created_at: float
    missed: MissedPolicy = MissedPolicy.ONCE
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    env_set: int = 0
    client_set: int = 0


class RunRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one run: its job, or why there is none."""

    at: float
    job: str = ""
    note: str = ""


class ScheduleFate(msgspec.Struct, omit_defaults=True):
    """What became of it. decided: the fate of all runs up to this moment is known. jobs: its newest ones, in order."""

    decided: float
    paused: bool = False
    jobs: tuple[str, ...] = ()
    last: RunRecord | None = None


class ScheduleRecord(msgspec.Struct, omit_defaults=True):
    """A schedule as it is kept in memory and in the store."""

    spec: ScheduleSpec
    fate: ScheduleFate
