"""What has been counted of the journal's events, and up to which one. Pure."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime

import msgspec

from luzia_protocol import events
from luzia_protocol.activity import Spending
from luzia_protocol.jobs import Outcome

DURATION_BUCKETS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0)
WAIT_BUCKETS_S = (0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

MAX_LABELS = 200
"""How many projects and agents have labels of their own; further ones are counted together, under OTHER."""

OTHER = "other"

KINDS: tuple[events.EventKind, ...] = ("ended", "requeued", "asked", "answered", "removed")
"""The kinds of events that change a total."""


class Histogram(msgspec.Struct):
    """Observations by upper bound, in seconds. counts: of each bucket, then of all that are larger."""

    bounds: tuple[float, ...]
    counts: list[int]
    sum_s: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Histogram:
        """A histogram without observations."""
        return cls(bounds, [0] * (len(bounds) + 1))

    def observe(self, value_s: float) -> None:
        """Count a value in the first bucket whose bound is not smaller."""
        self.counts[bisect_left(self.bounds, value_s)] += 1
        self.sum_s += value_s


class AgentTotals(msgspec.Struct):
    """The totals of an agent. tokens: by direction."""

    durations: Histogram
    waits: Histogram
    tokens: dict[str, int] = {}


class ProjectTotals(msgspec.Struct):
    """The totals of an agent in a project. ended: its attempts by outcome. cost_usd: None while nothing is known."""

    ended: dict[Outcome, int] = {}
    cost_usd: float | None = None


class CommitTotals(msgspec.Struct):
    """The commits of all daemons. daemon: the pid and the start of the last one; seen, seen_s: its own figures then."""

    count: int = 0
    total_s: float = 0.0
    daemon: tuple[int, datetime] | None = None
    seen: int = 0
    seen_s: float = 0.0

    def update(self, daemon: tuple[int, datetime], count: int, total_s: float) -> None:
        """Add what a daemon has done since it was seen last; all, if it is another one."""
        if daemon != self.daemon:
            self.daemon, self.seen, self.seen_s = daemon, 0, 0.0
        if count > self.seen:  # what one scrape has learnt may come after what a later one has
            self.count += count - self.seen
            self.total_s += max(total_s - self.seen_s, 0.0)
            self.seen, self.seen_s = count, total_s


class Totals(msgspec.Struct):
    """Everything that only grows, and the questions that are open.

    socket: that of the daemon. seq: the last event that is included. agents: by name.
    projects: by project, then by agent. questions: when the oldest open question of a job was asked, by job.
    schedules: when the last job of each completed that did.
    """

    socket: str
    seq: int = 0
    agents: dict[str, AgentTotals] = {}
    projects: dict[str, dict[str, ProjectTotals]] = {}
    questions: dict[str, datetime] = {}
    schedules: dict[str, datetime] = {}
    commits: CommitTotals = msgspec.field(default_factory=CommitTotals)

    def add(self, event: events.Event) -> None:
        """Count an event, once: an event that is included already changes nothing."""
        if event.seq <= self.seq:
            return
        self.seq = event.seq
        match event:
            case events.QuestionAsked():
                self.questions.setdefault(event.job, event.at)
            case events.Ended() | events.Requeued():
                self.questions.pop(event.job, None)
                self._add_end(event)
            case events.QuestionAnswered() | events.Removed():
                self.questions.pop(event.job, None)

    def restart(self, seq: int) -> None:
        """Continue after another event: the store is a new one, or has forgotten what follows the last."""
        self.seq = seq
        self.questions.clear()

    def _add_end(self, event: events.Ended | events.Requeued) -> None:
        if isinstance(event, events.Ended) and event.schedule and event.outcome is Outcome.COMPLETED:
            self.schedules[event.schedule] = event.at
        if event.duration_s is None:
            return  # it ended no attempt, as when a queued job is cancelled; what counts jobs stands above
        agent = event.agent or OTHER
        agent = agent if agent in self.agents or len(self.agents) < MAX_LABELS else OTHER
        totals = self.agents.get(agent)
        if totals is None:
            totals = AgentTotals(Histogram.empty(DURATION_BUCKETS_S), Histogram.empty(WAIT_BUCKETS_S))
            self.agents[agent] = totals
        totals.durations.observe(event.duration_s)
        if event.waited_s is not None:
            totals.waits.observe(event.waited_s)
        project = event.project if event.project in self.projects or len(self.projects) < MAX_LABELS else OTHER
        of_project = self.projects.setdefault(project, {}).setdefault(agent, ProjectTotals())
        if event.outcome is not None:
            of_project.ended[event.outcome] = of_project.ended.get(event.outcome, 0) + 1
        if event.spent is not None:
            if event.spent.cost_usd is not None:
                of_project.cost_usd = (of_project.cost_usd or 0.0) + max(event.spent.cost_usd, 0.0)
            _add_tokens(totals.tokens, event.spent)


def _add_tokens(tokens: dict[str, int], spent: Spending) -> None:
    for direction, count in (("input", spent.tokens_in), ("output", spent.tokens_out), ("cached", spent.tokens_cached)):
        if count:
            tokens[direction] = tokens.get(direction, 0) + count
