"""Sums what attempts have cost, in groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from luzia_protocol.jobs import Outcome
from luzia_protocol.spending import BudgetPace, SpendKey, SpendReport, SpendSums, UsedPrice

from luziad.config.prices import compute_cost
from luziad.config.schema import PriceConfig
from luziad.jobs.record import AttemptRecord, JobRecord

HOUR_S = 3600.0
_DIGITS = 9


class SpendSummary:
    """Adds attempts one by one.

    by: the kinds of groups. since: the begin, in epoch seconds. prices: the user's. model: that of a job, as requested.
    now: the time. day: begin and end of the local day.
    """

    def __init__(
        self,
        by: Sequence[SpendKey],
        since: float,
        prices: Mapping[str, PriceConfig],
        model: Callable[[JobRecord], str | None],
        now: float,
        day: tuple[float, float],
    ) -> None:
        self._by = tuple(dict.fromkeys(by))
        self._since = since
        self._prices = prices
        self._model = model
        self._now = now
        self._day = day
        self._used: dict[str, PriceConfig] = {}
        self._total = SpendSums()
        self._today = SpendSums()
        self._groups: dict[SpendKey, dict[str, SpendSums]] = {key: {} for key in self._by}

    def add(self, record: JobRecord) -> None:
        """Add the attempts of a job."""
        counted: set[int] = set()
        for attempt in record.status.attempts:
            at = self._now if attempt.ended_at is None else attempt.ended_at
            if attempt.started_at is None or at < min(self._since, self._day[0]):
                continue
            model = self._model(record)
            if at >= self._day[0]:
                self._add(self._today, attempt, at, model, counted)
            if at >= self._since:
                self._add(self._total, attempt, at, model, counted)
                for key in self._by:
                    for name in _names(key, record, attempt, at, model):
                        sums = self._groups[key].setdefault(name, SpendSums(name))
                        self._add(sums, attempt, at, model, counted)

    def report(self, budgets: Sequence[tuple[str | None, float, float]], counts_computed: bool) -> SpendReport:
        """The sums. budgets: the project or None, the limit of the day, and what is left of it, in US dollars."""
        groups = {key: self._sorted(key) for key in self._by}
        today = (self._today.cost_usd or 0.0) + (self._today.computed_usd or 0.0)
        paces = [self._pace(name, limit, limit - left, counts_computed) for name, limit, left in budgets]
        for sums in (self._total, self._today, *(each for group in groups.values() for each in group)):
            sums.cost_usd, sums.computed_usd = _rounded(sums.cost_usd), _rounded(sums.computed_usd)
        return SpendReport(self._total, self._today, self._by_end(today), groups, paces, self._used_prices())

    def _used_prices(self) -> list[UsedPrice]:
        return [
            UsedPrice(
                model=model,
                input_usd=price.input,
                output_usd=price.output,
                cached_usd=price.cached,
                date=price.date,
                source=price.source or None,
                shipped=model not in self._prices,
            )
            for model, price in sorted(self._used.items())
        ]

    def _sorted(self, key: SpendKey) -> list[SpendSums]:
        found = list(self._groups[key].values())
        if key == "day":
            return sorted(found, key=lambda sums: sums.name, reverse=True)
        return sorted(
            found, key=lambda sums: (-(sums.cost_usd or 0.0) - (sums.computed_usd or 0.0), -sums.running_s, sums.name)
        )

    def _add(self, sums: SpendSums, attempt: AttemptRecord, at: float, model: str | None, counted: set[int]) -> None:
        if id(sums) not in counted:
            counted.add(id(sums))
            sums.jobs += 1
        sums.attempts += 1
        sums.failed += attempt.outcome not in (None, Outcome.COMPLETED, Outcome.CANCELLED)
        ran_s = at - attempt.started_at if attempt.duration_s is None and attempt.started_at else attempt.duration_s
        sums.running_s += max(ran_s or 0.0, 0.0)
        activity = attempt.activity
        if activity is None:
            return  # a command, which costs nothing
        sums.tokens_in += activity.tokens_in or 0
        sums.tokens_out += activity.tokens_out or 0
        sums.tokens_cached += activity.tokens_cached or 0
        if activity.cost_usd is not None:
            sums.cost_usd = (sums.cost_usd or 0.0) + activity.cost_usd
        elif (computed := compute_cost(activity, model, self._prices)) is not None:
            sums.computed_usd = (sums.computed_usd or 0.0) + computed.usd
            self._used[computed.model] = computed.price
        else:
            sums.unknown += 1

    def _by_end(self, spent_usd: float) -> float:
        begin, end = self._day
        return spent_usd * (end - begin) / max(self._now - begin, 1.0)

    def _pace(self, project: str | None, limit: float, spent: float, counts_computed: bool) -> BudgetPace:
        begin, end = self._day
        passed = max(self._now - begin, 1.0)
        used_up_at = begin + passed * limit / spent if spent > 0 else end
        used_up_at = max(used_up_at, self._now) if spent < limit else self._now
        return BudgetPace(
            project=project,
            limit_usd=limit,
            spent_usd=round(spent, _DIGITS),
            pace_usd=spent / passed * HOUR_S,
            by_end_usd=self._by_end(spent),
            used_up_at=datetime.fromtimestamp(used_up_at, UTC) if used_up_at < end else None,
            counts_computed=counts_computed,
        )


def _names(key: SpendKey, record: JobRecord, attempt: AttemptRecord, at: float, model: str | None) -> list[str]:
    """The groups of a kind that an attempt is in."""
    match key:
        case "project":
            return [record.project]
        case "agent":
            return [record.spec.agent]
        case "model":
            return [(attempt.activity.model if attempt.activity is not None else None) or model or ""]
        case "day":
            return [datetime.fromtimestamp(at).astimezone().date().isoformat()]
    tags = record.spec.origin.tags if record.spec.origin is not None else {}
    return [f"{name}={value}" for name, value in tags.items()] or [""]


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, _DIGITS)
