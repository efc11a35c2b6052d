"""A schedule as it is kept in memory and in the store. Pure.

Both halves of a record are encoded as JSON into the store: a new field has a default, and the name of a stored field
never changes. Times are epoch seconds.
"""

from __future__ import annotations

import msgspec
from msgspec import field

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.schedules import MissedPolicy, OverlapPolicy


class ScheduleSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was requested. job: the dispatch without its variables, which are the sets env_set and client_set."""

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
    """The result of one run: its job, or why it has none."""

    at: float
    job: str = ""
    note: str = ""


class ScheduleStatus(msgspec.Struct, omit_defaults=True):
    """What has become of a schedule.

    decided: all runs up to this time have been dispatched or skipped. jobs: the newest jobs, in order.
    """

    decided: float
    paused: bool = False
    jobs: tuple[str, ...] = ()
    last: RunRecord | None = None


class ScheduleRecord(msgspec.Struct, omit_defaults=True):
    """A schedule's spec and status."""

    spec: ScheduleSpec
    status: ScheduleStatus = field(name="fate")
