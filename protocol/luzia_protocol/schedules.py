"""Schedules: jobs that are dispatched again and again. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.dispatch import Dispatch
from luzia_protocol.jobs import JobState

MAX_SCHEDULES = 1000
MAX_CRON_CHARS = 200
MAX_RUNS_SHOWN = 100
NEXT_RUNS = 5
"""How many runs to come are told of one schedule, when nobody says how many."""
SCHEDULE_TAG = "schedule"
"""The tag of every job that a schedule has dispatched; its value is the schedule's name."""


class MissedPolicy(StrEnum):
    """What becomes of runs whose moment passed while luziad could not dispatch them."""

    ONCE = "once"
    """One run makes up for all of them."""
    SKIP = "skip"
    """They are left out."""
    ALL = "all"
    """Each of them is made up for, in their order; of many the latest."""


class OverlapPolicy(StrEnum):
    """What becomes of a run whose moment comes when a job of the schedule has not ended. Two never run at once."""

    SKIP = "skip"
    """The run is left out."""
    QUEUE = "queue"
    """It starts when they have ended."""
    CANCEL = "cancel"
    """They are cancelled, and it starts when they have ended."""


class ScheduleAdd(Base, tag="schedule_add"):
    """Dispatch a job at the moments of a cron expression. Answered by ScheduleResult.

    name: letters, digits, `.`, `_` and `-`, at most 64. cron: five fields, six with seconds in front, or `@daily` and
    the like. job: a dispatch without `key`, `after…`, `not_before` and `start_in_s`. timezone: a name such as
    Europe/Berlin; None is the caller's TZ, or the machine's zone. replace: put it in the place of one of that name,
    whose jobs, and whether it is paused, stay as they are.
    """

    name: str
    cron: str
    job: Dispatch
    timezone: str | None = None
    missed: MissedPolicy = MissedPolicy.ONCE
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    replace: bool = False


class ScheduleList(Base, tag="schedule_list"):
    """All schedules by name, each with its next run. Answered by ScheduleListResult."""


class ScheduleShow(Base, tag="schedule_show"):
    """One schedule, with its next `runs`, at most MAX_RUNS_SHOWN. Answered by ScheduleResult."""

    name: str
    runs: int = NEXT_RUNS


class SchedulePause(Base, tag="schedule_pause"):
    """Dispatch nothing until it is resumed; what runs goes on. Answered by ScheduleResult."""

    name: str


class ScheduleResume(Base, tag="schedule_resume"):
    """Dispatch again; what came meanwhile is not made up for. Answered by ScheduleResult."""

    name: str


class ScheduleRemove(Base, tag="schedule_remove"):
    """Forget a schedule; its jobs stay. Answered by ScheduleResult, as it was."""

    name: str


class ScheduleRun(Base, tag="schedule_run"):
    """Dispatch its job now, also when it is paused. Answered by replies.DispatchResult.

    Where a job of the schedule has not ended, `skip` does as `queue`.
    """

    name: str


class Run(msgspec.Struct, frozen=True):
    """What became of one run. at: its moment. job: its id; None when there is none, and `note` says why.

    state: the job's, None when it is forgotten.
    """

    at: datetime
    job: str | None = None
    state: JobState | None = None
    note: str = ""


class Schedule(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A schedule. Moments are in its zone.

    job: what is dispatched, without its variables. env_names: their names. next: runs to come, none while it is paused.
    last: the newest run whose fate is decided. live: ids of its jobs that have not ended.
    problem: why it cannot run at all any more, when it cannot.
    """

    name: str
    cron: str
    timezone: str
    job: Dispatch
    missed: MissedPolicy
    overlap: OverlapPolicy
    created_at: datetime
    paused: bool = False
    next: list[datetime] = []
    last: Run | None = None
    live: list[str] = []
    env_names: list[str] = []
    problem: str = ""


class ScheduleResult(msgspec.Struct, frozen=True):
    """One schedule, as it is on disk."""

    schedule: Schedule


class ScheduleListResult(msgspec.Struct, frozen=True):
    """All schedules."""

    schedules: list[Schedule]
