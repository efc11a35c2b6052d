"""Statistics of jobs: throughput, times, outcomes, tokens and cost. Pure."""

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
"""The states that count for the success rate; a cancelled or skipped job does not."""


class JobSample(msgspec.Struct, frozen=True, gc=False):
    """What the statistics need of one job.

    waited_s: from the dispatch to the first start; None before that. ran_s: all attempts together; None until the job
    has ended, or when it never ran. priced: whether its cost is known; None without any agent activity.
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
    """Durations in seconds: their number, p50, p90, p99 and the maximum."""

    count: int = 0
    median: float | None = None
    p90: float | None = None
    p99: float | None = None
    most: float | None = None


class GroupStatistics(msgspec.Struct, frozen=True):
    """The statistics of a group of jobs.

    success: completed jobs per job in RATED_STATES, or None. without_cost: jobs of unknown cost, which
    `cost_usd` does not include.
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
    without_cost: int = msgspec.field(name="unpriced")


class Bucket(msgspec.Struct, frozen=True):
    """The jobs that ended in one interval, which starts at `begin`: completed ones, and all others."""

    begin: datetime
    completed: int
    other: int


class Statistics(msgspec.Struct, frozen=True):
    """All statistics.

    per_day: ended jobs per day from `since` to `until`. bucket_s: the length of a bucket.
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
    """The sample of a job. `attempts` must be complete if there are several, as in the reply to `status`."""
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


def compute_statistics(samples: Sequence[JobSample], since: datetime, until: datetime) -> Statistics:
    """The statistics of the jobs dispatched from `since` to `until`, in the time zone of these."""
    ended = [sample for sample in samples if sample.ended_at is not None]
    days = max((until - since).total_seconds(), 1.0) / 86400
    size, buckets = _compute_buckets(ended, since, until)
    return Statistics(
        since=since,
        until=until,
        per_day=len(ended) / days,
        bucket_s=size,
        ended=buckets,
        total=compute_group("", samples),
        projects=_compute_groups(samples, "project"),
        agents=_compute_groups(samples, "agent"),
    )


def compute_group(name: str, samples: Sequence[JobSample]) -> GroupStatistics:
    """The statistics of one group."""
    states = Counter(sample.state for sample in samples)
    tried = sum(states[state] for state in RATED_STATES)
    return GroupStatistics(
        name=name,
        jobs=len(samples),
        states=dict(sorted(states.items())),
        success=states[JobState.COMPLETED] / tried if tried else None,
        waited_s=compute_percentiles(sample.waited_s for sample in samples),
        ran_s=compute_percentiles(sample.ran_s for sample in samples),
        tokens_in=sum(sample.tokens_in for sample in samples),
        tokens_out=sum(sample.tokens_out for sample in samples),
        cost_usd=math.fsum(sample.cost_usd for sample in samples),
        without_cost=sum(sample.priced is False for sample in samples),
    )


def compute_percentiles(spans: Iterable[float | None]) -> Percentiles:
    """Percentiles by the nearest-rank method: each is one of the durations."""
    known = sorted(span for span in spans if span is not None)
    if not known:
        return Percentiles()
    return Percentiles(len(known), *(known[math.ceil(len(known) * part / 100) - 1] for part in (50, 90, 99, 100)))


def _compute_groups(samples: Sequence[JobSample], field: str) -> list[GroupStatistics]:
    """One group per value of a field, those with the most jobs first."""
    found: dict[str, list[JobSample]] = {}
    for sample in samples:
        found.setdefault(getattr(sample, field), []).append(sample)
    return sorted(
        (compute_group(name, members) for name, members in found.items()), key=lambda each: (-each.jobs, each.name)
    )


def _compute_buckets(ended: Sequence[JobSample], since: datetime, until: datetime) -> tuple[int, list[Bucket]]:
    """The size, and at most MAX_BUCKETS buckets from `since` to `until`, which begin on full local hours or days."""
    for size in BUCKET_SIZES_S:
        begin = _round_down(since, size)
        count = max(int((until - begin).total_seconds() // size), 0) + 1
        if count <= MAX_BUCKETS:
            break
    completed, other = [0] * count, [0] * count
    for sample in ended:
        assert sample.ended_at is not None
        number = min(max(int((sample.ended_at - begin).total_seconds() // size), 0), count - 1)
        (completed if sample.state is JobState.COMPLETED else other)[number] += 1
    step = timedelta(seconds=size)
    return size, [Bucket(begin + number * step, completed[number], other[number]) for number in range(count)]


def _round_down(time: datetime, size_s: int) -> datetime:
    """The last multiple of the size before a time, counted from a midnight in its time zone."""
    midnight = datetime(2001, 1, 1, tzinfo=time.tzinfo)
    return midnight + timedelta(seconds=(time - midnight).total_seconds() // size_s * size_s)
