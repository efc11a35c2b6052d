"""Schedules: recurring jobs. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.dispatch import Dispatch
from luzia_protocol.jobs import JobState

MAX_SCHEDULES = 1000
MAX_SCHEDULES_BYTES = 3 * 1024 * 1024
"""All schedules together: their tasks are in memory, and one reply lists them."""
MAX_CRON_CHARS = 200
MAX_RUNS_SHOWN = 100
NEXT_RUNS = 5
"""How many next runs one schedule shows by default."""
SCHEDULE_TAG = "schedule"
"""The tag of every job of a schedule; its value is the schedule's name."""


class MissedPolicy(StrEnum):
    """The policy for runs that were due while luziad could not dispatch them."""

    ONCE = "once"
    """They are coalesced into one run."""
    SKIP = "skip"
    """They are skipped."""
    ALL = "all"
    """Each is dispatched, in order; of many only the latest."""


class OverlapPolicy(StrEnum):
    """The policy for a run that is due while a job of the schedule is unfinished. Two never run at the same time."""

    SKIP = "skip"
    """The run is skipped."""
    QUEUE = "queue"
    """It starts when they have finished."""
    CANCEL = "cancel"
    """They are cancelled, and it starts when they have finished."""


class ScheduleAdd(Base, tag="schedule_add"):
    """Dispatch a job at the times of a cron expression. Answered by ScheduleResult.

    name: letters, digits, `.`, `_` and `-`, at most 64. cron: five fields, six with seconds first, or `@daily` and the
    like. job: a dispatch without `key`, `after…`, `not_before` and `start_in_s`. timezone: a name such as
    Europe/Berlin;
    None is the caller's TZ, or the machine's zone. replace: replace a schedule with this name, and keep its jobs and
    whether it is paused.
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


class ScheduleNameRequest(Base):
    """What requests about one schedule have in common."""

    name: str


class ScheduleShow(ScheduleNameRequest, tag="schedule_show"):
    """One schedule, with its next `runs`, at most MAX_RUNS_SHOWN. Answered by ScheduleResult."""

    runs: int = NEXT_RUNS


class SchedulePause(ScheduleNameRequest, tag="schedule_pause"):
    """Dispatch no more of its jobs until it is resumed; running ones continue. Answered by ScheduleResult."""


class ScheduleResume(ScheduleNameRequest, tag="schedule_resume"):
    """Dispatch its jobs again; runs that were due meanwhile are skipped. Answered by ScheduleResult."""


class ScheduleRemove(ScheduleNameRequest, tag="schedule_remove"):
    """Remove a schedule; its jobs stay. Answered by ScheduleResult with its last state."""


class ScheduleRun(ScheduleNameRequest, tag="schedule_run"):
    """Dispatch its job now, even if it is paused. Answered by replies.DispatchResult.

    If a job of the schedule is unfinished, `skip` acts like `queue`.
    """


ScheduleRequest = (
    ScheduleAdd | ScheduleList | ScheduleShow | SchedulePause | ScheduleResume | ScheduleRemove | ScheduleRun
)


class Run(msgspec.Struct, frozen=True):
    """The result of one run. at: its time. job: its id; None if it has none, and `note` says why.

    state: the job's, None if the job was removed.
    """

    at: datetime
    job: str | None = None
    state: JobState | None = None
    note: str = ""


class Schedule(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A schedule. Times are in its zone.

    job: the dispatch, without its variables. env_names: their names. next: the next runs, none while it is paused.
    last: the newest run that was dispatched or skipped. live: ids of its unfinished jobs.
    problem: why it cannot run any more; empty if it can.
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
