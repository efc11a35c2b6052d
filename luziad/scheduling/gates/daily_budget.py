"""Budgets per day: ends what runs when one is used up, and is the gate at which queued jobs wait for the next day.

Nothing is counted while no budget is configured. What is counted is found again in the jobs' records after a start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.attempts.budget import BUDGET_GRACE_S, Stop
from luziad.attempts.launch import Launcher
from luziad.clocks.format import format_time
from luziad.clocks.timer import ClockTimer
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.daily_spend import DaySpending


class DayBudgets:
    """Knows what the day has cost. `admit` is that of Gates; `stop` ends an attempt with a verdict.

    has_finished: whether an attempt's agent has told its final result.
    """

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
        self._spending = DaySpending(0.0)
        self._begins = self._ends = 0.0
        self._kept: dict[str, JobRecord] = {}
        self._timer = ClockTimer(self._open)
        self._soon: asyncio.TimerHandle | None = None
        self._has_finished = has_finished

    def reload(self) -> None:
        """Go by the budgets that are configured now."""
        config, before = self._launcher.config, self._budgets
        said = {name: each.max_cost_usd_per_day for name, each in config.projects.items()}
        of_all = {None: config.daemon.max_cost_usd_per_day}
        self._budgets = {name: usd for name, usd in (said | of_all).items() if usd is not None}
        if self._budgets.keys() != before.keys():
            self._ends = 0.0  # other attempts count
        if self._budgets:
            self._look_soon()
        self._open()

    def look(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """More is understood of the attempt."""
        if self._counts(record):
            self._begin_day()
            self._spending.learn(record, attempt)
            if self._used_up(record.project) is not None:
                self._look_soon()

    def left(self, record: JobRecord) -> float | None:
        """US dollars that are left of the day for the job's project; None is without a limit."""
        if not self._budgets:
            return None
        self._begin_day()
        names = [name for name in (record.project, None) if name in self._budgets]
        return min((self._budgets[name] - self._spending.of(name) for name in names), default=None)

    def close(self) -> None:
        """Stop nothing and wake no more."""
        self._budgets = {}
        self._timer.close()
        if self._soon is not None:
            self._soon.cancel()

    # ------------------------------------------------------------------ the gate

    def closed(self, record: JobRecord) -> bool:
        """Whether the day's budget of the job's project, or that of all, is used up."""
        return bool(self._budgets) and self._used_up(record.project) is not None

    def why(self, record: JobRecord) -> str:
        """`the day's budget of overbits, $5.02 of $5.00, is used up; a new day begins at 00:00`."""
        words = self._used_up(record.project)
        return "a new day has begun" if words is None else f"{words}; a new day begins at {format_time(self._ends)}"

    def keep(self, record: JobRecord) -> None:
        """Hold the job until there is a budget again."""
        self._kept[record.id] = record
        if len(self._kept) == 1:
            self._timer.set(self._ends)

    def drop(self, record: JobRecord) -> None:
        """Hold the job no more."""
        del self._kept[record.id]

    def _open(self) -> None:
        kept, self._kept = self._kept, {}
        if kept:
            self._admit(*kept.values())

    # ------------------------------------------------------------------ the sums

    def _counts(self, record: JobRecord) -> bool:
        return bool(self._budgets) and (None in self._budgets or record.project in self._budgets)

    def _begin_day(self) -> None:
        """Count anew when the day is another one than that of the sums, also after the clock was set."""
        now = time.time()
        if not self._begins <= now < self._ends:
            self._begins, self._ends = day_around(now)
            self._spending = DaySpending.found(filter(self._counts, self._table.newest_first()), self._begins)

    def _used_up(self, project: str) -> str | None:
        """Which budget is used up, in words; None while there is something left."""
        self._begin_day()
        for name in (project, None):
            most = self._budgets.get(name)
            if most is not None and (cost := self._spending.of(name)) >= most:
                return f"the day's budget of {name or 'all projects'}, ${cost:.2f} of ${most:.2f}, is used up"
        return None

    # ------------------------------------------------------------------ what runs

    def _look_soon(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(BUDGET_GRACE_S, self._stop_running)

    def _stop_running(self) -> None:
        self._soon = None
        for record in self._table.active():
            attempt, words = record.attempt, self._used_up(record.project) if self._budgets else None
            if words is None or attempt is None or attempt.ended_at is not None or attempt.stop_outcome is not None:
                continue
            if attempt.started_at is None or self._has_finished(AttemptRef(record.id, attempt.number)):
                self._look_soon()  # it is about to start, or to end by itself
                continue
            when = f"when a new day begins at {format_time(self._ends)}, or with a larger budget"
            self._stop(record, Verdict(Outcome.OVER_BUDGET, f"{words}; `luzia retry {record.id}` goes on {when}"))


def day_around(now: float) -> tuple[float, float]:
    """When the local day that `now` is in begins, and when the next one does, in epoch seconds."""
    local = time.localtime(now)
    begins, ends = (
        time.mktime((local.tm_year, local.tm_mon, local.tm_mday + more, 0, 0, 0, 0, 0, -1)) for more in (0, 1)
    )
    return min(begins, now), max(ends, now + 1.0)  # where clocks are put forward at midnight, there is none
