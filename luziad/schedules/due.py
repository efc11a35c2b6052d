"""Which runs of a schedule are due. Pure: `now` and the zone are given; times are epoch seconds."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from luzia_protocol.schedules import MissedPolicy, OverlapPolicy

from luziad.jobs.schedule import ScheduleRecord, ScheduleSpec, ScheduleStatus
from luziad.schedules.cron import Cron

LATE_S = 60.0
"""A run that is no later than this is on time; restarting luziad takes a moment, too."""
MOST_MADE_UP = 100
"""So many missed runs of one schedule are made up for at once, the latest."""
MAX_LIVE = 100
"""So many jobs of one schedule may be there that have not ended; further runs are left out."""
SET_BACK_S = 3 * 3600.0
"""When the clock is set back by more, it was wrong before: runs come by the new time, and are not waited for."""


class Due(NamedTuple):
    """runs: the moments to dispatch now, in order. left_out: the newest one that was missed and is not made up for."""

    runs: list[float]
    left_out: float | None = None


def decided(fate: ScheduleStatus, now: float) -> float:
    """The moment up to which runs are decided about, and after which the next one is looked for."""
    return fate.decided if fate.decided - now <= SET_BACK_S else now


def due(record: ScheduleRecord, cron: Cron, zone: tzinfo, now: float) -> Due:
    """The runs whose fate is to be decided now: those after the last decision, by the policy for missed ones."""
    begin = decided(record.status, now)
    if record.status.paused or begin >= now:
        return Due([])
    on_time_from = max(begin, now - LATE_S)
    on_time = cron.latest(on_time_from, now, MOST_MADE_UP, zone)
    missed = cron.latest(begin, on_time_from, MOST_MADE_UP, zone)
    match record.spec.missed:
        case MissedPolicy.ALL:
            return Due(missed + on_time)
        case MissedPolicy.ONCE if not on_time:
            return Due(missed[-1:])
        case MissedPolicy.ONCE:
            return Due(on_time)
        case MissedPolicy.SKIP:
            return Due(on_time, missed[-1] if missed else None)


def overlap_at(spec: ScheduleSpec, moment: float, now: float) -> OverlapPolicy:
    """The policy for this run: where each one that was missed is made up for, they come one after the other."""
    made_up = spec.missed is MissedPolicy.ALL and moment <= now - LATE_S
    return OverlapPolicy.QUEUE if made_up else spec.overlap


def wakes_at(record: ScheduleRecord, cron: Cron, zone: tzinfo, now: float) -> float | None:
    """The moment of the next run to decide about; None when there is none, or the schedule is paused."""
    return None if record.status.paused else cron.next_after(decided(record.status, now), zone)


def key(name: str, moment: float) -> str:
    """The key of the dispatch for one run, so that it is dispatched once whatever is restored."""
    return f"schedule/{name}/{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
