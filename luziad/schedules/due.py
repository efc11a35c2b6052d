"""What is known of a schedule, and which of its runs are due. Pure: `now` and the zone are given.

Both halves of a record are encoded as JSON into the store: a new field has a default, and a field is never renamed.
Times are epoch seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

import msgspec

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.schedules import MissedPolicy, OverlapPolicy

from luziad.schedules.cron import CronExpression

LATE_S = 60.0
"""A run within this delay is on time; restarting luziad takes time, too."""
MAX_CATCH_UP_RUNS = 100
"""How many missed runs of one schedule are dispatched at once; older ones are skipped."""
MAX_LIVE_JOBS = 100
"""How many unfinished jobs a schedule may have; further runs are skipped."""
SET_BACK_S = 3 * 3600.0
"""When the clock is set back by more than this, it was wrong before, and runs follow the new time."""


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

    def overlap_at(self, moment: float, now: float) -> OverlapPolicy:
        """The policy for this run: where each one that was missed is made up for, they come one after the other."""
        made_up = self.missed is MissedPolicy.ALL and moment <= now - LATE_S
        return OverlapPolicy.QUEUE if made_up else self.overlap


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


class DueRuns(NamedTuple):
    """runs: the times of runs to dispatch now, in order. skipped: the newest missed run that is not made up for."""

    runs: list[float]
    skipped: float | None = None


def decided_until(fate: ScheduleFate, now: float) -> float:
    """The time up to which every run has been dispatched or skipped."""
    return fate.decided if fate.decided - now <= SET_BACK_S else now


def find_due_runs(record: ScheduleRecord, cron: CronExpression, zone: tzinfo, now: float) -> DueRuns:
    """The runs to decide about now: those after the last decision, by the policy for missed runs."""
    begin = decided_until(record.fate, now)
    if record.fate.paused or begin >= now:
        return DueRuns([])
    on_time_from = max(begin, now - LATE_S)
    on_time = cron.latest_times(on_time_from, now, MAX_CATCH_UP_RUNS, zone)
    missed = cron.latest_times(begin, on_time_from, MAX_CATCH_UP_RUNS, zone)
    match record.spec.missed:
        case MissedPolicy.ALL:
            return DueRuns(missed + on_time)
        case MissedPolicy.ONCE if not on_time:
            return DueRuns(missed[-1:])
        case MissedPolicy.ONCE:
            return DueRuns(on_time)
        case MissedPolicy.SKIP:
            return DueRuns(on_time, missed[-1] if missed else None)


def next_wakeup(record: ScheduleRecord, cron: CronExpression, zone: tzinfo, now: float) -> float | None:
    """The time of the next run; None when there is none, or the schedule is paused."""
    return None if record.fate.paused else cron.next_after(decided_until(record.fate, now), zone)


def run_key(name: str, at_s: float) -> str:
    """The idempotency key of one run: it is dispatched once, even if an old store is restored."""
    return f"schedule/{name}/{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
