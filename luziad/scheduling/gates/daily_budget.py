"""The gate of daily budgets: when one is used up, queued jobs wait for the next day, and running ones are stopped.

Nothing is counted while no budget is configured. After a restart the sums are computed from the jobs' records.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from luzia_protocol.jobs import Outcome
from luzia_protocol.money import format_usd

from luziad.attempts.budget import BUDGET_GRACE_S, Stop
from luziad.attempts.launch import Launcher
from luziad.clocks.format import format_time
from luziad.clocks.timer import ClockTimer
from luziad.config.prices import compute_cost
from luziad.config.schema import PriceConfig
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.daily_spend import DailySpend
from luziad.scheduling.gates.gates import Gate


class DailyBudgetGate(Gate):
    """Closed for a job while the budget of its project, or that of all projects, is used up.

    admit: that of Gates. stop: ends an attempt with a verdict.
    has_finished: whether an attempt's agent has told its final result.
    """

    name = "daily budget"

    def __init__(
        self,
        table: JobTable,
        launcher: Launcher,
        admit: Callable[..., None],
        stop: Stop,
        has_finished: Callable[[AttemptRef], bool],
    ) -> None:
        self._table = table
        self._launcher = launcher
        self._admit = admit
        self._stop = stop
        self._budgets: dict[str | None, float] = {}  # by project; None is the one of all projects
        self._spending = DailySpend(0.0, self._cost)
        self._counts_computed = False
        self._prices: dict[str, PriceConfig] = {}
        self._begins = self._ends = 0.0
        self._held: dict[str, JobRecord] = {}
        self._timer = ClockTimer(self._open)
        self._soon: asyncio.TimerHandle | None = None
        self._has_finished = has_finished

    def reload(self, *, renamed: bool = False) -> None:
        """Apply the budgets that are configured now. renamed: jobs may belong to other projects than before."""
        config, before = self._launcher.config, self._budgets
        of_projects = {name: each.max_cost_usd_per_day for name, each in config.projects.items()}
        of_all = {None: config.daemon.max_cost_usd_per_day}
        self._budgets = {name: usd for name, usd in (of_projects | of_all).items() if usd is not None}
        counting = config.daemon.count_computed_costs, config.prices
        if renamed or self._budgets.keys() != before.keys() or counting != (self._counts_computed, self._prices):
            self._ends = 0.0  # the sums are of other attempts, or of other costs
        self._counts_computed, self._prices = counting
        if self._budgets:
            self._stop_soon()
        self._open()

    def output_understood(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Count what the attempt has cost."""
        if self._counts(record):
            self._update_day()
            self._spending.add(record, attempt)
            if self._used_up(record.project) is not None:
                self._stop_soon()

    def left_usd(self, record: JobRecord) -> float | None:
        """US dollars of the day that are left for the job's project; None without a limit."""
        if not self._budgets:
            return None
        self._update_day()
        names = [name for name in (record.project, None) if name in self._budgets]
        return min((self._budgets[name] - self._spending.of(name) for name in names), default=None)

    def amounts(self) -> dict[str | None, tuple[float, float]]:
        """Each budget and what is left of it today, in US dollars, by project; that of all projects under None."""
        if not self._budgets:
            return {}
        self._update_day()
        return {name: (most, most - self._spending.of(name)) for name, most in self._budgets.items()}

    def close(self) -> None:
        """Stop the timers, and count nothing any more."""
        self._budgets = {}
        self._timer.close()
        if self._soon is not None:
            self._soon.cancel()

    # ------------------------------------------------------------------ the gate

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the day's budget of the job's project, or that of all, is used up."""
        return bool(self._budgets) and self._used_up(record.project) is not None

    def reason(self, record: JobRecord) -> str:
        """`the day's budget of overbits, $5.02 of $5.00, is used up; a new day begins at 00:00`."""
        words = self._used_up(record.project)
        return "a new day has begun" if words is None else f"{words}; a new day begins at {format_time(self._ends)}"

    def opens_at(self, record: JobRecord) -> float | None:
        """The beginning of the next day."""
        del record
        return self._ends

    def hold(self, record: JobRecord) -> None:
        """Hold the job until there is a budget again."""
        self._held[record.id] = record
        if len(self._held) == 1:
            self._timer.set(self._ends)

    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer."""
        del self._held[record.id]

    def _open(self) -> None:
        held, self._held = self._held, {}
        if held:
            self._admit(*held.values())

    # ------------------------------------------------------------------ the sums

    def _cost(self, record: JobRecord, attempt: AttemptRecord) -> float | None:
        """What the attempt has cost: by the agent's account, else computed if such costs count."""
        activity = attempt.activity
        if activity is None or activity.cost_usd is not None or not self._counts_computed:
            return None if activity is None else activity.cost_usd
        computed = compute_cost(activity, self._launcher.agent_options(record).model, self._prices)
        return None if computed is None else computed.usd

    def _counts(self, record: JobRecord) -> bool:
        return bool(self._budgets) and (None in self._budgets or record.project in self._budgets)

    def _update_day(self) -> None:
        """Start new sums when the day has changed, also because the clock was set."""
        now = time.time()
        if not self._begins <= now < self._ends:
            self._begins, self._ends = day_around(now)
            self._spending = DailySpend.computed(
                filter(self._counts, self._table.newest_first()), self._begins, self._cost
            )

    def _used_up(self, project: str) -> str | None:
        """The budget that is used up, as text; None while there is something left."""
        self._update_day()
        for name in (project, None):
            most = self._budgets.get(name)
            if most is not None and (cost := self._spending.of(name)) >= most:
                used = f"{format_usd(cost)} of {format_usd(most)}"
                return f"the day's budget of {name or 'all projects'}, {used}, is used up"
        return None

    # ------------------------------------------------------------------ what runs

    def _stop_soon(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(BUDGET_GRACE_S, self._stop_running)

    def _stop_running(self) -> None:
        self._soon = None
        for record in self._table.active():
            attempt, words = record.attempt, self._used_up(record.project) if self._budgets else None
            if words is None or attempt is None or attempt.ended_at is not None or attempt.stop_outcome is not None:
                continue
            if attempt.started_at is None or self._has_finished(AttemptRef(record.id, attempt.number)):
                self._stop_soon()  # it is about to start, or about to end by itself
                continue
            when = f"when a new day begins at {format_time(self._ends)}, or with a larger budget"
            self._stop(record, Verdict(Outcome.OVER_BUDGET, f"{words}; `luzia retry {record.id}` continues {when}"))


def day_around(now: float) -> tuple[float, float]:
    """The begin and the end of the local day that `now` is in, in epoch seconds."""
    local = time.localtime(now)
    begins, ends = (
        time.mktime((local.tm_year, local.tm_mon, local.tm_mday + more, 0, 0, 0, 0, 0, -1)) for more in (0, 1)
    )
    return min(begins, now), max(ends, now + 1.0)  # where clocks are put forward at midnight, there is none
