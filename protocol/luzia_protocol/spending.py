"""What jobs have cost. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.dispatch import AwareTime

SpendKey = Literal["project", "agent", "model", "day", "tag"]


class Spend(Base, tag="spend"):
    """Cost, tokens and running time of attempts, in total and in groups. Answered by replies.SpendReport.

    since: the attempts that ended at this time or later, and those in progress; None for all that are remembered.
    by: the kinds of groups. projects: only their jobs.
    """

    since: AwareTime | None = None
    by: list[SpendKey] = []
    projects: list[str] = []


class SpendSums(msgspec.Struct, omit_defaults=True):
    """Sums of attempts.

    name: of the group: a project, an agent, a model, a local day as YYYY-MM-DD, or a tag as KEY=VALUE; empty for the
    attempts that have none, and for the total. An attempt with several tags is in several groups.
    jobs, attempts: their numbers. failed: attempts that have ended without success.
    cost_usd: what the agents report, computed_usd: what was computed from tokens and prices for the attempts without
    that; each None when there is no such attempt. unknown: attempts of agents whose cost is neither.
    tokens_in, tokens_out, tokens_cached: as in Activity. running_s: the time that they ran.
    """

    name: str = ""
    jobs: int = 0
    attempts: int = 0
    failed: int = 0
    cost_usd: float | None = None
    computed_usd: float | None = None
    unknown: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    running_s: float = 0.0


class BudgetPace(msgspec.Struct, frozen=True):
    """A daily budget and an estimate of its use, if the rest of the day costs as much for each hour as until now.

    project: None for the budget of all projects. pace_usd: an hour. used_up_at: when it is used up; None when it lasts
    until the end of the day. by_end_usd: what the day will have cost. counts_computed: whether computed costs count.
    """

    project: str | None
    limit_usd: float
    spent_usd: float
    pace_usd: float
    by_end_usd: float
    used_up_at: datetime | None
    counts_computed: bool


class UsedPrice(msgspec.Struct, frozen=True):
    """A price with which costs were computed, in US dollars for a million tokens; cached_usd: None is unknown.

    date: a day at which it was valid, as YYYY-MM-DD. source: where it was published. shipped: it is not the user's own.
    """

    model: str
    input_usd: float
    output_usd: float
    cached_usd: float | None
    date: str | None
    source: str | None
    shipped: bool


class SpendReport(msgspec.Struct, frozen=True):
    """What attempts have cost. groups: by their kinds, those that have cost most first, days newest first.

    today: the total of the local day. by_end_usd: an estimate of what today will have cost, at the pace until now.
    prices: those that were used to compute costs.
    """

    total: SpendSums
    today: SpendSums
    by_end_usd: float
    groups: dict[SpendKey, list[SpendSums]]
    budgets: list[BudgetPace]
    prices: list[UsedPrice]
