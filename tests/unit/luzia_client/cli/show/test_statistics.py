from __future__ import annotations

import argparse
import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Attempt, JobState

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.commands import stats
from luzia_client.cli.show.charts import draw_charts, format_throughput
from luzia_client.cli.show.plots import draw_plots
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.statistics import (
    MAX_BUCKETS,
    JobSample,
    Percentiles,
    compute_percentiles,
    compute_statistics,
    sample_job,
)
from luzia_client.cli.show.text import width
from unit.luzia_client.cli.conftest import MakeJob

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fact(state: str = "completed", *, ago_h: float = 0.5, project: str = "overbits", agent: str = "shell") -> JobSample:
    """A job that waited for 2 s, ran for 10 s and ended so many hours ago."""
    state = JobState(state)
    ended = NOON - ago_h * HOUR if JobState(state).is_final else None
    return JobSample(project, agent, JobState(state), ended, 2.0, 10.0 if ended else None)


def test_percentiles_are_spans_that_there_were() -> None:
    assert compute_percentiles([]) == Percentiles()
    assert compute_percentiles([None, 7.0]) == Percentiles(1, 7.0, 7.0, 7.0, 7.0)
    assert compute_percentiles([3.0, 1.0, 2.0, 4.0]) == Percentiles(4, 2.0, 4.0, 4.0, 4.0)
    assert compute_percentiles(map(float, range(1, 201))) == Percentiles(200, 100.0, 180.0, 198.0, 200.0)


def test_success_counts_those_that_could_have_succeeded() -> None:
    states = ["completed"] * 6 + ["failed", "timed_out", "lost", "cancelled", "skipped", "running", "queued"]
    total = compute_statistics([fact(state) for state in states], NOON - HOUR, NOON).total
    assert total.jobs == 13
    assert total.success == 6 / 9
    assert total.states[JobState.COMPLETED] == 6
    assert compute_statistics([fact("queued")], NOON - HOUR, NOON).total.success is None


def test_ended_jobs_are_counted_by_the_time_of_their_end() -> None:
    facts = [fact(ago_h=0.1), fact(ago_h=0.2), fact("failed", ago_h=5.5), fact(ago_h=23.9), fact("queued")]
    told = compute_statistics(facts, NOON - 24 * HOUR, NOON)
    assert (told.bucket_s, told.per_day) == (3 * 3600, 4.0)
    counts = {bucket.begin.hour + 24 * bucket.begin.day: (bucket.completed, bucket.other) for bucket in told.ended}
    today, yesterday = 24 * 4, 24 * 3
    assert {hour: count for hour, count in counts.items() if count != (0, 0)} == {
        today + 9: (2, 0),
        today + 6: (0, 1),
        yesterday + 12: (1, 0),
    }


@pytest.mark.parametrize("days", [0.001, 0.1, 1, 3, 30, 400, 4000])
def test_there_are_never_too_many_buckets_and_every_end_is_in_one(days: float) -> None:
    since = NOON - days * 24 * HOUR
    told = compute_statistics([fact(ago_h=days * 24 * part) for part in (0, 0.3, 1)], since, NOON)
    assert 1 <= len(told.ended) <= MAX_BUCKETS
    assert sum(bucket.completed for bucket in told.ended) == 3


def test_a_job_with_one_attempt_is_told_by_what_lists_have(make_job: MakeJob) -> None:
    activity = Activity(tokens_in=100, tokens_out=7, cost_usd=0.25)
    job = make_job(JobState.FAILED, started=40, ended=10, duration_s=29.5, attempt=1, activity=activity)
    assert sample_job(job) == JobSample(
        "overbits", "claude", JobState.FAILED, job.ended_at, 60.0, 29.5, 100, 7, 0.25, priced=True
    )
    queued = sample_job(make_job(JobState.QUEUED))
    assert (queued.waited_s, queued.ran_s, queued.ended_at, queued.priced) == (None, None, None, None)


def test_all_attempts_count_and_the_wait_ends_with_the_first(make_job: MakeJob, now: datetime) -> None:
    attempts = [
        Attempt(
            1, started_at=now - timedelta(seconds=97), duration_s=5.0, activity=Activity(tokens_in=10, cost_usd=1.0)
        ),
        Attempt(2, started_at=now - timedelta(seconds=50), duration_s=7.0, activity=Activity(tokens_in=20)),
        Attempt(3),
    ]
    job = make_job(JobState.COMPLETED, started=50, ended=40, duration_s=7.0, attempt=3, attempts=attempts)
    told = sample_job(job)
    assert (told.waited_s, told.ran_s, told.tokens_in, told.cost_usd, told.priced) == (3.0, 12.0, 30, 1.0, False)


def test_a_throughput_has_three_digits() -> None:
    day = NOON - 24 * HOUR
    assert format_throughput(compute_statistics([fact()] * 12, day, NOON)) == "12/day"
    assert format_throughput(compute_statistics([fact()] * 1300, day, NOON)) == "54.2/h"
    assert format_throughput(compute_statistics([fact(ago_h=0.0)] * 10, NOON - HOUR / 3600, NOON)) == "36,000/h"


def test_projects_and_agents_have_their_own_figures() -> None:
    priced = JobSample("api", "claude", JobState.COMPLETED, NOON, 1.0, 100.0, 45_000, 1_200, 0.5, priced=True)
    costless = JobSample("api", "codex", JobState.FAILED, NOON, 3.0, 200.0, 1_000, 10, 0.0, priced=False)
    told = compute_statistics([priced, costless, fact()], NOON - HOUR, NOON)
    api, overbits = told.projects
    assert (api.name, api.jobs, api.success, api.cost_usd, api.without_cost) == ("api", 2, 0.5, 0.5, 1)
    assert (api.tokens_in, api.tokens_out, api.ran_s.median, api.ran_s.p90) == (46_000, 1_210, 100.0, 200.0)
    assert (overbits.name, overbits.jobs, overbits.success, overbits.cost_usd) == ("overbits", 1, 1.0, 0.0)
    lines = [line.split() for line in draw_charts(told, Screen(width=80))]
    assert ["api", "2", "50", "%", "1.0s", "1m40s", "46k", "1.2k", "$0.50+"] in lines
    assert ["codex", "1", "0", "%", "3.0s", "3m20s", "1.0k", "10", "unknown"] in lines
    assert ["shell", "1", "100", "%", "2.0s", "10s", "-", "-", "-"] in lines
    assert ["Wait", "time", "2.0s", "3.0s", "3.0s", "3.0s", "3"] in lines


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_charts_fit_the_screen(columns: int) -> None:
    facts = [fact(project="测试库🚀" * 9, ago_h=part / 10) for part in range(200)]
    facts += [fact("failed", project=f"project-{number}") for number in range(50)]
    lines = draw_charts(compute_statistics(facts, NOON - 24 * HOUR, NOON), Screen(width=columns))
    assert all(width(line) <= columns for line in lines)
    assert "… and 31 more" in lines


def test_bars_are_as_long_as_the_counts_and_never_nothing_for_something() -> None:
    facts = [fact(ago_h=1.5)] * 300 + [fact("failed", ago_h=1.5)] * 100 + [fact("failed", ago_h=0.5)]
    lines = draw_charts(compute_statistics(facts, NOON - 2 * HOUR, NOON), Screen(width=80, blocks=False))
    bars = [line.split("  ")[-1] for line in lines if line.split("  ")[-1][:1] in ("#", ".")]
    assert bars == [f"{'#' * 45}{'.' * 15} 400", ". 1"]


def test_pictures_are_drawn_with_every_name(tmp_path: Path) -> None:
    facts = [fact(ago_h=number, project=f"p{number} $x$ 测试") for number in range(12)] + [fact("failed")]
    told = compute_statistics(facts, NOON - 24 * HOUR, NOON)
    draw_plots(told, str(tmp_path / "jobs.png"), "png")
    draw_plots(told, str(tmp_path / "jobs.svg"), "svg")
    png = (tmp_path / "jobs.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert len(png) > 10_000
    svg = (tmp_path / "jobs.svg").read_text()
    assert "13 jobs, 2026-05-03 12:00 to 2026-05-04 12:00" in svg
    assert "p3 $x$ 测试" in svg
    assert "Throughput: 13/day" in svg
    assert "92.3 %" in svg


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    parser = argparse.ArgumentParser()
    stats.configure(parser)
    with pytest.raises(UsageError) as caught:
        stats.run(parser.parse_args(["--png", "jobs.png"]))
    assert ".[plots]" in caught.value.hint
