"""Makes the metric families of a scrape: those of the totals, and those of the daemon as it is now."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from luzia_protocol import environment
from luzia_protocol.errors import LuziaError
from luzia_protocol.jobs import JobState
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.client import Client
from luzia_client.metrics.follower import Follower
from luzia_client.metrics.totals import Histogram, Totals
from luzia_client.metrics.totals_file import TotalsError
from luzia_client.notify import NotifyError
from luzia_client.notify.outbox import count_waiting


class JobsCollector(Collector):
    """The metrics of one daemon. Each scrape makes two requests to it.

    socket: the daemon's. follower: has the totals, and must have been started.
    """

    def __init__(self, socket: str, follower: Follower) -> None:
        self._client = Client(socket, autostart=False)
        self._follower = follower

    def describe(self) -> list[Metric]:
        """Nothing: the families are made at each scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families. Without a daemon, luzia_up is 0 and the totals are the last known ones."""
        info, schedules = None, None
        with suppress(LuziaError):  # luzia_up says so
            info, schedules = self._client.get_info(), self._client.list_schedules()
        yield _gauge("luzia_up", "Whether the daemon answers.", 0 if schedules is None else 1)
        if info is not None:
            yield from of_daemon(info)
        yield from of_notices(Path(environment.state_dir(), "notify.db"))
        try:
            with self._follower.totals(info) as totals:
                families = list(of_totals(totals, datetime.now(UTC)))
                if schedules is not None:
                    families.append(of_schedules(totals, [schedule.name for schedule in schedules]))
        except TotalsError as exc:
            print(f"luzia: {exc.message}; the totals are not shown until it can be written", file=sys.stderr)
        else:
            yield from families


def of_daemon(info: DaemonInfo) -> Iterator[Metric]:
    """The families of the daemon as it is now."""
    jobs = GaugeMetricFamily("luzia_jobs", "Jobs that are remembered, by state.", labels=["state"])
    for state in JobState:
        jobs.add_metric([state], info.counts.get(state, 0))
    yield jobs
    yield _gauge("luzia_slots", "Slots for attempts.", info.slots)
    yield _gauge("luzia_slots_used", "Slots in use.", info.slots_used)
    yield _gauge("luzia_storage_ok", "Whether the job store can be written.", int(info.storage == "ok"))
    yield _gauge("luzia_store_bytes", "Size of the files of the job store.", _store_bytes(Path(info.state_dir)))
    limits = GaugeMetricFamily(
        "luzia_usage_limit_reset_timestamp_seconds",
        "When the usage limit is reset that an agent's account has met.",
        labels=["agent"],
    )
    for agent, reset in info.usage_limits.items():
        limits.add_metric([agent], reset.timestamp())
    yield limits
    budgets = GaugeMetricFamily(
        "luzia_budget_remaining_usd",
        "What is left of today's budget, by project; that of all projects has an empty label.",
        labels=["project"],
    )
    for project, budget in info.daily_budgets.items():
        budgets.add_metric([project], budget.left_usd)
    if info.daily_budget is not None:
        budgets.add_metric([""], info.daily_budget.left_usd)
    yield budgets


def of_notices(outbox: Path) -> Iterator[Metric]:
    """What waits in the outbox of `luzia notify`; nothing if it is not used, or cannot be read now."""
    with suppress(NotifyError):
        waiting = GaugeMetricFamily(
            "luzia_notify_outbox", "Notices that wait for delivery, by target.", labels=["target"]
        )
        for target, count in count_waiting(outbox).items():
            waiting.add_metric([target], count)
        yield waiting


def of_traces(dropped: int) -> Metric:
    """The spans that a collector has refused for good."""
    return CounterMetricFamily("luzia_spans_dropped", "Spans that the collector has refused.", value=dropped)


def of_totals(totals: Totals, now: datetime) -> Iterator[Metric]:
    """The families of what has been counted. now: the time from which the age of a question is counted."""
    ended = CounterMetricFamily(
        "luzia_attempts_ended", "Attempts that have ended.", labels=["project", "agent", "outcome"]
    )
    cost = CounterMetricFamily("luzia_cost_usd", "Cost by the agents' own account.", labels=["project", "agent"])
    for project, agents in totals.projects.items():
        for agent, of_project in agents.items():
            for outcome, count in of_project.ended.items():
                ended.add_metric([project, agent, outcome], count)
            if of_project.cost_usd is not None:
                cost.add_metric([project, agent], of_project.cost_usd)
    yield ended
    yield cost
    tokens = CounterMetricFamily(
        "luzia_tokens", "Tokens by the agents' own account: input, output, cached.", labels=["agent", "direction"]
    )
    durations = HistogramMetricFamily("luzia_attempt_duration_seconds", "How long attempts ran.", labels=["agent"])
    waits = HistogramMetricFamily("luzia_queue_wait_seconds", "How long attempts waited to start.", labels=["agent"])
    for agent, of_agent in totals.agents.items():
        for direction, count in of_agent.tokens.items():
            tokens.add_metric([agent, direction], count)
        durations.add_metric([agent], _buckets(of_agent.durations), of_agent.durations.sum_s)
        waits.add_metric([agent], _buckets(of_agent.waits), of_agent.waits.sum_s)
    yield tokens
    yield durations
    yield waits
    commits = totals.commits
    yield SummaryMetricFamily(
        "luzia_dispatch_commit_seconds",
        "How long commits to the job store took; a dispatch is answered after the commit.",
        count_value=commits.count,
        sum_value=commits.total_s,
    )
    oldest = min(totals.questions.values(), default=now)
    yield _gauge(
        "luzia_oldest_question_seconds",
        "Age of the oldest open question; 0 without one.",
        max((now - oldest).total_seconds(), 0.0),
    )


def of_schedules(totals: Totals, names: list[str]) -> Metric:
    """When the schedules that there are have last succeeded."""
    successes = GaugeMetricFamily(
        "luzia_schedule_last_success_timestamp_seconds",
        "When the last job of a schedule completed that did.",
        labels=["schedule"],
    )
    for name in names:
        if name in totals.schedules:
            successes.add_metric([name], totals.schedules[name].timestamp())
    return successes


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Cumulative counts by upper bound, as Prometheus wants them."""
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    return list(zip(bounds, (float(count) for count in accumulate(histogram.counts)), strict=True))


def _store_bytes(state_dir: Path) -> int:
    """The size of the databases of the state directory, with their logs; 0 of those that this user cannot see."""
    sizes = 0
    try:
        with os.scandir(state_dir) as files:
            for file in files:
                if ".db" in file.name and file.is_file(follow_symlinks=False):
                    sizes += file.stat(follow_symlinks=False).st_size
    except OSError:
        return sizes
    return sizes
