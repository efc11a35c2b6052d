"""Which runs of a schedule are due. Pure: `now` and the zone are given; times are epoch seconds."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from luzia_protocol.schedules import MissedPolicy, OverlapPolicy

from luziad.jobs.schedule import ScheduleRecord, ScheduleSpec, ScheduleStatus
from luziad.schedules.cron import CronExpression

LATE_S = 60.0
"""A run within this delay is on time; restarting luziad takes time, too."""
MAX_CATCH_UP_RUNS = 100
"""How many missed runs of one schedule are dispatched at once; older ones are skipped."""
MAX_LIVE_JOBS = 100
"""How many unfinished jobs a schedule may have; further runs are skipped."""
MAX_ALL_LIVE_JOBS = 2000
"""How many unfinished jobs all schedules may have before those that have one already get no more."""
SET_BACK_S = 3 * 3600.0
"""When the clock is set back by more than this, it was wrong before, and runs follow the new time."""


class DueRuns(NamedTuple):
    """runs: the times of runs to dispatch now, in order. skipped: the newest missed run that is not made up for."""

    runs: list[float]
    skipped: float | None = None


def decided_until(status: ScheduleStatus, now: float) -> float:
    """The time up to which every run has been dispatched or skipped."""
    return status.decided if status.decided - now <= SET_BACK_S else now


def find_due_runs(record: ScheduleRecord, cron: CronExpression, zone: tzinfo, now: float) -> DueRuns:
    """The runs to decide about now: those after the last decision, by the policy for missed runs."""
    begin = decided_until(record.status, now)
    if record.status.paused or begin >= now:
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


def overlap_at(spec: ScheduleSpec, at_s: float, now: float) -> OverlapPolicy:
    """The policy for this run: missed runs that are all made up for start one after another."""
    is_late = spec.missed is MissedPolicy.ALL and at_s <= now - LATE_S
    return OverlapPolicy.QUEUE if is_late else spec.overlap


def next_wakeup(record: ScheduleRecord, cron: CronExpression, zone: tzinfo, now: float) -> float | None:
    """The time of the next run; None when there is none, or the schedule is paused."""
    return None if record.status.paused else cron.next_after(decided_until(record.status, now), zone)


def run_key(name: str, at_s: float) -> str:
    """The idempotency key of one run: it is dispatched once, even if an old store is restored."""
    return f"schedule/{name}/{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
