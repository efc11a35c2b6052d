"""Which runs of a schedule are due, by the policy for those that were missed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.schedules import MissedPolicy, OverlapPolicy

from luziad.jobs.schedule import RunRecord, ScheduleRecord, ScheduleSpec, ScheduleStatus
from luziad.schedules import due as core
from luziad.schedules.cron import CronExpression
from luziad.schedules.due import LATE_S, MAX_CATCH_UP_RUNS, SET_BACK_S, overlap_at

UTC = ZoneInfo("UTC")
HOUR = 3600.0
NOON = 1_800_014_400.0  # a whole hour
HOURLY = CronExpression("@hourly")


def schedule(decided: float, missed: MissedPolicy = MissedPolicy.ONCE, paused: bool = False) -> ScheduleRecord:
    spec = ScheduleSpec("s", "@hourly", "UTC", Dispatch(project="p", task="t"), decided, missed=missed)
    return ScheduleRecord(spec, ScheduleStatus(decided, paused))


def due(record: ScheduleRecord, now: float, cron: CronExpression = HOURLY) -> core.DueRuns:
    return core.find_due_runs(record, cron, UTC, now)


@pytest.mark.parametrize("missed", MissedPolicy)
def test_a_run_that_is_on_time_is_due_whatever_the_policy(missed: MissedPolicy) -> None:
    record = schedule(NOON - 1, missed)
    assert due(record, NOON - 0.5) == core.DueRuns([])
    assert due(record, NOON) == core.DueRuns([NOON])
    assert due(record, NOON + LATE_S - 1) == core.DueRuns([NOON])


def test_what_was_missed_is_made_up_for_as_the_policy_says() -> None:
    now = NOON + 10 * 60  # 10:00, 11:00 and 12:00 have passed
    since = NOON - 2 * HOUR - 1
    assert due(schedule(since, MissedPolicy.ONCE), now) == core.DueRuns([NOON])
    assert due(schedule(since, MissedPolicy.ALL), now) == core.DueRuns([NOON - 2 * HOUR, NOON - HOUR, NOON])
    assert due(schedule(since, MissedPolicy.SKIP), now) == core.DueRuns([], skipped=NOON)


def test_a_run_that_is_on_time_makes_up_for_those_before_it() -> None:
    since, now = NOON - 3 * HOUR, NOON + 1
    assert due(schedule(since, MissedPolicy.ONCE), now) == core.DueRuns([NOON])
    assert due(schedule(since, MissedPolicy.SKIP), now) == core.DueRuns([NOON], skipped=NOON - HOUR)
    assert due(schedule(since, MissedPolicy.ALL), now) == core.DueRuns([NOON - 2 * HOUR, NOON - HOUR, NOON])


def test_of_very_many_the_latest_are_made_up_for() -> None:
    runs = due(schedule(NOON - 5000 * HOUR, MissedPolicy.ALL), NOON + 600).runs
    assert runs == [NOON - HOUR * back for back in reversed(range(MAX_CATCH_UP_RUNS))]


@pytest.mark.parametrize("overlap", OverlapPolicy)
def test_where_each_is_made_up_for_they_are_queued_whatever_the_overlap(overlap: OverlapPolicy) -> None:
    for missed in MissedPolicy:
        spec = msgspec.structs.replace(schedule(NOON, missed).spec, overlap=overlap)
        assert overlap_at(spec, NOON, NOON + LATE_S - 1) is overlap
        late = overlap_at(spec, NOON, NOON + LATE_S)
        assert late is (OverlapPolicy.QUEUE if missed is MissedPolicy.ALL else overlap)


def test_nothing_of_a_paused_schedule_is_due() -> None:
    record = schedule(NOON - 5 * HOUR, paused=True)
    assert due(record, NOON + 1) == core.DueRuns([])
    assert core.next_wakeup(record, HOURLY, UTC, NOON) is None


def test_a_clock_that_is_set_back_a_little_repeats_nothing_and_waits() -> None:
    record = schedule(NOON)
    now = NOON - SET_BACK_S + 1
    assert due(record, now) == core.DueRuns([])
    assert core.next_wakeup(record, HOURLY, UTC, now) == NOON + HOUR


def test_a_clock_that_is_set_back_far_was_wrong_before() -> None:
    record = schedule(NOON)
    now = NOON - SET_BACK_S - 600
    assert due(record, now) == core.DueRuns([])
    assert core.next_wakeup(record, HOURLY, UTC, now) == NOON - SET_BACK_S


steps = st.lists(st.one_of(st.floats(0.1, 90), st.floats(0.1, 5 * HOUR)), min_size=1, max_size=40)


@settings(deadline=None)
@given(
    steps,
    st.sampled_from(list(MissedPolicy)),
    st.sampled_from(["@hourly", "*/7 * * * *", "*/20 * * * * *", "30 3 * * *"]),
)
def test_no_run_is_due_twice_and_only_moments_are_due(
    waits: list[float], missed: MissedPolicy, expression: str
) -> None:
    cron, now = CronExpression(expression), NOON
    record, seen = schedule(NOON, missed), list[float]()
    for wait in waits:
        before, now = now, now + wait
        found = due(record, now, cron)
        on_time = cron.latest_times(max(before, now - LATE_S), now, 1000, UTC)
        assert set(found.runs) >= set(on_time)
        if missed is MissedPolicy.SKIP:
            assert found.runs == on_time
        if missed is MissedPolicy.ONCE:
            assert len(found.runs) == max(len(on_time), cron.latest_times(before, now, 1, UTC) != [])
        if missed is MissedPolicy.ALL:
            assert len(found.runs) <= MAX_CATCH_UP_RUNS + len(on_time)
        seen += found.runs
        record.status.decided = now
    assert seen == sorted(set(seen))
    assert all(cron.next_after(each - 1, UTC) == each for each in seen)


@settings(deadline=None)
@given(st.lists(st.floats(-2 * HOUR, 3 * HOUR), min_size=1, max_size=40))
def test_no_run_is_due_twice_however_the_clock_is_set_by_up_to_three_hours(jumps: list[float]) -> None:
    record, now, seen = schedule(NOON), NOON, list[float]()
    for jump in jumps:
        now = max(now + jump, record.status.decided - SET_BACK_S)
        found = due(record, now)
        seen += found.runs
        if found.runs:
            record.status.decided = now
    assert len(seen) == len(set(seen))


def test_each_run_has_a_key_of_its_own() -> None:
    assert core.run_key("nightly", NOON) == "schedule/nightly/2027-01-15T12:00:00Z"
    assert len({core.run_key(name, NOON + more) for name in ("a", "b") for more in range(100)}) == 200


def test_a_record_is_read_back_as_it_was_written() -> None:
    record = schedule(NOON, MissedPolicy.ALL)
    record.status.jobs, record.status.last = ("120000-a2f5",), RunRecord(NOON, "120000-a2f5")
    assert msgspec.json.decode(msgspec.json.encode(record), type=ScheduleRecord) == record
