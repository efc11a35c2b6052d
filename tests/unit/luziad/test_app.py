"""The order in which the daemon's parts hear of what happens to jobs, and in which the gates are asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from luziad.app import App
from luziad.config import load as configuration
from luziad.jobs.observer import Hook, JobObserver, Observers
from luziad.server.runtime_dir import DirectoryLock

ORDER = {
    "job_queued": "Deadlines UsageLimitGate CircuitBreakerGate CollisionWatch {schedules}",
    "attempt_starting": "Deadlines CircuitBreakerGate",
    "attempt_started": "PauseControl Timeouts StallWatch OutputJudge CollisionWatch Shortage",
    "attempt_recovered": "PauseControl Deadlines StallWatch OutputJudge Questions {schedules}",
    "progress_reported": "StallWatch",
    "output_understood": "BudgetWatch Questions CircuitBreakerGate DailyBudgetGate CollisionWatch",
    "attempt_exited": "Timeouts StallWatch",
    "attempt_ended": "Questions SlotLending UsageLimitGate CircuitBreakerGate CollisionWatch DayTotals",
    "job_changed": "Worktrees CollisionWatch StatusFiles ServiceStatus",
    "job_ended": (
        "Deadlines SubJobs SlotLending CircuitBreakerGate DependencyGate Worktrees CollisionWatch Races Retention"
        " {schedules} SpareMemory"
    ),
    "job_reviewed": "DependencyGate",
    "job_removed": "Deadlines CollisionWatch {schedules} PastRaces DiscardedWork",
    "start_possible": "Starter",
    "store_recovered": "Starter {schedules}",
}
"""Hook -> who hears of it, in this order.

Where it matters: a pause comes before the timeouts, so that an attempt that starts paused has no running timer. A job's
own budget comes before that of the day, so that it is the reason when both are used up. When a job ends, its sub-jobs
are cancelled first, then jobs that waited for it reclaim their slots, then jobs that come after it enter the queue, so
that what was promised a slot gets it before what is new; it may be removed only after all of these. When the store can
be written again, jobs that have waited for it start before schedules dispatch new ones.
"""

GATES = "EndedFamilyGate HoldGate UsageLimitGate CircuitBreakerGate DailyBudgetGate StartTimeGate DependencyGate"
"""The first closed gate is the reason that a user sees, so those that a user can open come first."""


@pytest.fixture
async def observers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observers:
    for name in ("CONFIG", "STATE_DIR", "RUNTIME_DIR", "SOCKET"):
        monkeypatch.delenv(f"LUZIA_{name}", raising=False)
    (tmp_path / "jobs").mkdir()
    monkeypatch.setenv("LUZIA_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LUZIA_CONFIG", str(tmp_path / "none.toml"))
    locks = DirectoryLock("/run"), DirectoryLock(str(tmp_path))
    return App(configuration.load(), 100, [], *locks)._observers


def names(observers: Iterator[JobObserver]) -> str:
    return " ".join(type(observer).__name__ for observer in observers)


async def test_each_hook_calls_its_observers_in_the_order_that_is_written_here(observers: Observers) -> None:
    called = {
        name: names(observer for observer in observers if _overrides(observer, name))
        for name, hook in vars(observers).items()
        if isinstance(hook, Hook)
    }
    schedules = called["store_recovered"].split()[-1]
    wanted = {name: order.format(schedules=schedules) for name, order in ORDER.items()}
    assert {name: order for name, order in called.items() if order} == wanted


async def test_every_gate_is_an_observer(observers: Observers) -> None:
    assert GATES in names(iter(observers))


def _overrides(observer: JobObserver, name: str) -> bool:
    return getattr(type(observer), name) is not getattr(JobObserver, name)
