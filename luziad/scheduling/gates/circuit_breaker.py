"""The circuit breaker of agents: an agent that fails at once because of its account does not fail the whole queue.

An attempt that fails before its agent has done anything, with words that name a quota, a limit, capacity, credits or
billing and tell no reset, closes the gate for the jobs of that agent. It opens when a user resumes the agent, after a
success of the agent, and after a delay on trial: one job starts, and the others follow if it does not fail likewise.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from luzia_protocol.jobs import Outcome

from luziad.clocks.clock import ClockTime, on_steady_clock
from luziad.clocks.format import format_time
from luziad.clocks.timer import ClockTimer
from luziad.jobs.attempt import FailureCause
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.gates import Gate

log = logging.getLogger("luziad.gates")

FIRST_DELAY_S = 900.0
MAX_DELAY_S = 4 * 3600.0
"""The delay before a trial, which doubles with each failure in a row."""

QUICK_S = 60.0
"""An attempt that fails within this time has failed at once."""

SILENT_S = 600.0
"""So has one without a turn of the model within this time: agents retry by themselves for minutes."""

_CAUSES = (FailureCause.ACCOUNT, FailureCause.SUSPECTED)


class _Held:
    """An agent whose gate is closed.

    failures: those in a row. since, words: the last one. until: when the trial begins. trial: the job that runs it.
    """

    __slots__ = ("failures", "jobs", "since", "trial", "until", "words")

    def __init__(self) -> None:
        self.failures = 0
        self.since = 0.0
        self.words = ""
        self.until: ClockTime | None = None
        self.trial: str | None = None
        self.jobs: dict[str, JobRecord] = {}


class CircuitBreakerGate(Gate):
    """Closed for the jobs of an agent that has failed at once because of its account. `admit` is that of Gates.

    It stores nothing: after a restart it is found again from the attempts of the jobs in the table.
    """

    name = "account"

    def __init__(self, table: JobTable, admit: Callable[..., None]) -> None:
        self._table = table
        self._admit = admit
        self._agents: dict[str, _Held] = {}
        self._timer = ClockTimer(self._due, time.CLOCK_BOOTTIME)

    def recover(self) -> None:
        """Find the agents that were held when the daemon stopped: those whose newest attempts have failed at once."""
        newest: dict[str, list[AttemptRecord]] = {}
        for record in self._table.newest_first():
            newest.setdefault(record.spec.agent, []).extend(record.status.attempts)
        for agent, attempts in newest.items():
            attempts.sort(key=lambda attempt: attempt.starting_at, reverse=True)
            if failures := _leading_failures(attempts):
                self._close_for(agent, failures[0], len(failures))

    def close(self) -> None:
        """Stop the timer."""
        self._timer.close()

    def resume(self, agent: str) -> list[str]:
        """Open the gate for an agent, with a trial first; returns the jobs that it has held."""
        held = self._agents.get(agent)
        if held is None:
            return []
        jobs = list(held.jobs)
        self._begin_trial(held)
        return jobs

    def held_since(self) -> dict[str, float]:
        """The agents that are held, and since when, in epoch seconds."""
        return {agent: held.since for agent, held in self._agents.items()}

    # ------------------------------------------------------------------ what the agents do

    def job_queued(self, record: JobRecord) -> None:
        """Try another job when the trial has not started, or is to be retried."""
        self._end_trial(record)

    def job_ended(self, record: JobRecord) -> None:
        """Try another job when the trial was cancelled before it started."""
        self._end_trial(record)

    def attempt_starting(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Take the first attempt after the delay as the trial."""
        held = self._agents.get(record.spec.agent)
        if held is not None and held.until is None and held.trial is None:
            held.trial = record.id
            self._set_timer()

    def output_understood(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """End the trial when the model works."""
        held = self._agents.get(record.spec.agent)
        if held is not None and held.trial == record.id and _has_worked(attempt):
            self._open(record.spec.agent)

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Close the gate after a failure of the account, and open it after a success."""
        agent = record.spec.agent
        held = self._agents.get(agent)
        if has_failed_at_once(attempt):
            self._close_for(agent, attempt, 1 if held is None else held.failures + 1)
        elif held is None:
            return
        elif attempt.outcome is Outcome.COMPLETED or _has_worked(attempt):
            self._open(agent)
        else:
            self._end_trial(record)

    # ------------------------------------------------------------------ the gate

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job's agent is held, and the user has not asked to start the job at once."""
        if not self._agents:
            return False
        held = self._agents.get(record.spec.agent)
        if held is None or record.not_before == 0.0:
            return False
        return held.until is not None or held.trial not in (None, record.id)

    def reason(self, record: JobRecord) -> str:
        """`claude is held: 'Credit balance is too low', since 14:05`, with what opens the gate.

        Lists show the beginning: the agent, and why.
        """
        agent = record.spec.agent
        held = self._agents[agent]
        if held.until is None:
            next_step = f"job {held.trial} is being tried first"
        else:
            next_step = f"the next job is tried at about {format_time(_to_minute(time.time() + held.until.left_s))}"
        return (
            f"{agent} is held: '{held.words}', since {format_time(held.since)};"
            f" {next_step}; resume it with `luzia resume --agent {agent}`"
        )

    def opens_at(self, record: JobRecord) -> float | None:
        """When the next job of the agent is tried; None while one is."""
        until = self._agents[record.spec.agent].until
        return None if until is None else time.time() + until.left_s

    def hold(self, record: JobRecord) -> None:
        """Hold the job until the agent is resumed or tried."""
        self._agents[record.spec.agent].jobs[record.id] = record

    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer."""
        if (held := self._agents.get(record.spec.agent)) is not None:
            held.jobs.pop(record.id, None)

    # ------------------------------------------------------------------ changes

    def _close_for(self, agent: str, attempt: AttemptRecord, failures: int) -> None:
        held = self._agents.setdefault(agent, _Held())
        held.failures, held.trial = failures, None
        held.since, held.words = attempt.ended_at or attempt.starting_at, attempt.reason or "an unknown error"
        delay_s = min(FIRST_DELAY_S * 2.0 ** min(failures - 1, 20), MAX_DELAY_S)
        held.until = on_steady_clock(held.since, None, delay_s)
        log.warning("agent_held agent=%s failures=%d delay_s=%.0f reason=%r", agent, failures, delay_s, held.words)
        self._set_timer()

    def _end_trial(self, record: JobRecord) -> None:
        """Try the next job, when this one was the trial and has proved nothing."""
        held = self._agents.get(record.spec.agent)
        if held is not None and held.trial == record.id:
            self._begin_trial(held)

    def _begin_trial(self, held: _Held) -> None:
        """Let the next job of the agent start; the others are held again when they are to start."""
        held.until = held.trial = None
        self._release(held)

    def _open(self, agent: str) -> None:
        held = self._agents.pop(agent)
        log.info("agent_resumed agent=%s", agent)
        self._release(held)

    def _release(self, held: _Held) -> None:
        jobs, held.jobs = held.jobs, {}
        self._set_timer()
        if jobs:
            self._admit(*jobs.values())

    def _due(self) -> None:
        for held in list(self._agents.values()):
            if held.until is not None and held.until.left_s <= 0:
                self._begin_trial(held)
        self._set_timer()

    def _set_timer(self) -> None:
        times: Iterable[float] = (held.until.time_s for held in self._agents.values() if held.until is not None)
        self._timer.set(min(times, default=None))


def has_failed_at_once(attempt: AttemptRecord) -> bool:
    """Whether the agent's account has failed the attempt before it has done anything."""
    if attempt.outcome is not Outcome.FAILED or attempt.cause not in _CAUSES:
        return False
    duration_s = attempt.duration_s or 0.0
    return duration_s < QUICK_S or (duration_s < SILENT_S and not _has_worked(attempt))


def _has_worked(attempt: AttemptRecord) -> bool:
    activity = attempt.activity
    return activity is not None and (activity.turns > 0 or activity.tool_calls > 0)


def _leading_failures(attempts: list[AttemptRecord]) -> list[AttemptRecord]:
    """The failures at once before any other attempt, newest first; attempts that have proved nothing are skipped."""
    failures = []
    for attempt in attempts:
        if has_failed_at_once(attempt):
            failures.append(attempt)
        elif attempt.outcome in (None, Outcome.COMPLETED, Outcome.FAILED) or _has_worked(attempt):
            break
    return failures


def _to_minute(epoch_s: float) -> float:
    return epoch_s // 60 * 60 + 60
