"""Figures about jobs: throughput, times, outcomes, tokens and cost. Pure; nothing here asks a daemon or draws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from luzia_protocol.jobs import Job, JobState

BUCKET_SIZES_S = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400)
MAX_BUCKETS = 16
RATED_STATES = (JobState.COMPLETED, JobState.FAILED, JobState.TIMED_OUT, JobState.LOST)
"""The ends that say something about success; who cancels or skips a job does not."""


class JobSample(msgspec.Struct, frozen=True, gc=False):
    """What the figures need of one job.

    waited_s: from its dispatch to its first start; None when it has not started. ran_s: all its attempts together; None
    until it has ended, or when it never ran. priced: its agent has told what it costs; None when no agent was read.
    """

    project: str
    agent: str
    state: JobState
    ended_at: datetime | None
    waited_s: float | None
    ran_s: float | None
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    priced: bool | None = None


class Percentiles(msgspec.Struct, frozen=True):
    """Spans of time in seconds: how many there are, and those that 50, 90, 99 and 100 of 100 do not exceed."""

    count: int = 0
    median: float | None = None
    p90: float | None = None
    p99: float | None = None
    most: float | None = None


class GroupStatistics(msgspec.Struct, frozen=True):
    """The figures of some jobs.

    success: part of those that completed, failed, timed out or were lost which completed; None when there is none.
    unpriced: jobs of agents that tell no cost, which `cost_usd` is therefore without.
    """

    name: str
    jobs: int
    states: dict[JobState, int]
    success: float | None
    waited_s: Percentiles
    ran_s: Percentiles
    tokens_in: int
    tokens_out: int
    cost_usd: float
    unpriced: int


class Bucket(msgspec.Struct, frozen=True):
    """The jobs that ended from `begin` on, up to the next one's: those that completed, and the others."""

    begin: datetime
    completed: int
    other: int


class Statistics(msgspec.Struct, frozen=True):
    """All of it.

    per_day: jobs that ended, over the time from `since` to `until`. bucket_s: seconds of a bucket.
    """

    since: datetime
    until: datetime
    per_day: float
    bucket_s: int
    ended: list[Bucket]
    total: GroupStatistics
    projects: list[GroupStatistics]
    agents: list[GroupStatistics]


def sample_job(job: Job) -> JobSample:
    """The job's fact. One with several attempts must be whole, as `status` tells it."""
    attempts = job.attempts
    activities = [each.activity for each in attempts] if len(attempts) > 1 else [job.activity]
    known = [each for each in activities if each is not None]
    first_start = attempts[0].started_at if len(attempts) > 1 else job.started_at
    ran = [each.duration_s for each in attempts] if len(attempts) > 1 else [job.duration_s]
    spans = [span for span in ran if span is not None]
    return JobSample(
        project=job.project,
        agent=job.agent,
        state=job.state,
        ended_at=job.ended_at if job.state.is_final else None,
        waited_s=None if first_start is None else max((first_start - job.created_at).total_seconds(), 0.0),
        ran_s=sum(spans) if job.state.is_final and spans else None,
        tokens_in=sum(each.tokens_in or 0 for each in known),
        tokens_out=sum(each.tokens_out or 0 for each in known),
        cost_usd=sum(each.cost_usd or 0.0 for each in known),
        priced=all(each.cost_usd is not None for each in known) if known else None,
    )


def compute_statistics(facts: Sequence[JobSample], since: datetime, until: datetime) -> Statistics:
    """The figures of jobs that were dispatched from `since` to `until`; the times are those here."""
    ended = [fact for fact in facts if fact.ended_at is not None]
    days = max((until - since).total_seconds(), 1.0) / 86400
    size, buckets = _compute_buckets(ended, since, until)
    return Statistics(
        since=since,
        until=until,
        per_day=len(ended) / days,
        bucket_s=size,
        ended=buckets,
        total=compute_group("", facts),
        projects=_compute_groups(facts, "project"),
        agents=_compute_groups(facts, "agent"),
    )


def compute_group(name: str, facts: Sequence[JobSample]) -> GroupStatistics:
    """The figures of these jobs."""
    states = Counter(fact.state for fact in facts)
    tried = sum(states[state] for state in RATED_STATES)
    return GroupStatistics(
        name=name,
        jobs=len(facts),
        states=dict(sorted(states.items())),
        success=states[JobState.COMPLETED] / tried if tried else None,
        waited_s=compute_percentiles(fact.waited_s for fact in facts),
        ran_s=compute_percentiles(fact.ran_s for fact in facts),
        tokens_in=sum(fact.tokens_in for fact in facts),
        tokens_out=sum(fact.tokens_out for fact in facts),
        cost_usd=math.fsum(fact.cost_usd for fact in facts),
        unpriced=sum(fact.priced is False for fact in facts),
    )


def compute_percentiles(spans: Iterable[float | None]) -> Percentiles:
    """Percentiles by the nearest rank: each is one of the spans."""
    known = sorted(span for span in spans if span is not None)
    if not known:
        return Percentiles()
    return Percentiles(len(known), *(known[math.ceil(len(known) * part / 100) - 1] for part in (50, 90, 99, 100)))


def _compute_groups(facts: Sequence[JobSample], field: str) -> list[GroupStatistics]:
    """One group for each value of a field, those with the most jobs first."""
    found: dict[str, list[JobSample]] = {}
    for fact in facts:
        found.setdefault(getattr(fact, field), []).append(fact)
    return sorted(
        (compute_group(name, members) for name, members in found.items()), key=lambda each: (-each.jobs, each.name)
    )


def _compute_buckets(ended: Sequence[JobSample], since: datetime, until: datetime) -> tuple[int, list[Bucket]]:
    """The size, and at most MAX_BUCKETS from `since` to `until`, which begin at full hours or days here."""
    for size in BUCKET_SIZES_S:
        begin = _round_down(since, size)
        count = int((until - begin).total_seconds() // size) + 1
        if count <= MAX_BUCKETS:
            break
    completed, other = [0] * count, [0] * count
    for fact in ended:
        assert fact.ended_at is not None
        number = min(max(int((fact.ended_at - begin).total_seconds() // size), 0), count - 1)
        (completed if fact.state is JobState.COMPLETED else other)[number] += 1
    step = timedelta(seconds=size)
    return size, [Bucket(begin + number * step, completed[number], other[number]) for number in range(count)]


def _round_down(moment: datetime, size_s: int) -> datetime:
    """The last multiple of the size before the moment, counted from a midnight on the clock of the moment's zone."""
    midnight = datetime(2001, 1, 1, tzinfo=moment.tzinfo)
    return midnight + timedelta(seconds=(moment - midnight).total_seconds() // size_s * size_s)
