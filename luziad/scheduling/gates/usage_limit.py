"""The gate of usage limits: while an agent's account has met its limit, all queued jobs of that agent wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from luzia_protocol.jobs import Outcome

from luziad.clocks.clock import ClockTime, on_steady_clock, on_wall_clock
from luziad.clocks.format import format_time
from luziad.clocks.timer import ClockTimer
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.scheduling.gates.gates import Gate


class UsageLimitGate(Gate):
    """Closed for the jobs of an agent until its limit resets. `admit` is that of Gates.

    The limits are those that queued jobs have met, so that they are known again after a restart.
    """

    name = "usage limit"

    def __init__(self, admit: Callable[..., None]) -> None:
        self._admit = admit
        self._until: dict[str, ClockTime] = {}
        self._held: dict[str, dict[str, JobRecord]] = {}
        self._timers = {kind: ClockTimer(self._due, kind) for kind in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME)}

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers.values():
            timer.close()

    def job_queued(self, record: JobRecord) -> None:
        """Apply the limit that the job has met to all jobs of its agent."""
        retry = record.status.retry_state
        if retry is not None and retry.limited_until is not None:
            until, steady = retry.limited_until, retry.limited_until_steady
            self.close_for(
                record.spec.agent, on_wall_clock(until) if steady is None else on_steady_clock(until, steady)
            )

    def close_for(self, agent: str, until: ClockTime) -> None:
        """Close the gate for the jobs of an agent until then."""
        known = self._until.get(agent)
        if until.left_s > max(0.0 if known is None else known.left_s, 0.0):
            self._until[agent] = until
            self._set_timers()

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Open the gate after a success of the agent, if the reset was a guess."""
        until = self._until.get(record.spec.agent)
        if until is not None and _is_guess(until) and attempt.outcome is Outcome.COMPLETED:
            self.resume(record.spec.agent)

    def resume(self, agent: str) -> list[str]:
        """Open the gate for an agent; returns the jobs that it has held."""
        self._until.pop(agent, None)
        free = self._held.pop(agent, {})
        self._set_timers()
        if free:
            self._admit(*free.values())
        return list(free)

    def is_closed(self, record: JobRecord) -> bool:
        """Whether the job's agent has met its limit, and the user has not asked to start the job at once."""
        if not self._until:
            return False
        until = self._until.get(record.spec.agent)
        return until is not None and until.left_s > 0 and record.not_before != 0.0

    def resets(self) -> dict[str, float]:
        """When the limits that agents have met are reset, in epoch seconds."""
        now = time.time()
        return {agent: now + until.left_s for agent, until in self._until.items() if until.left_s > 0}

    def reason(self, record: JobRecord) -> str:
        """`usage limit of claude until 15:45`."""
        until = self._until[record.spec.agent]
        return describe_limit(record.spec.agent, time.time() + until.left_s, is_guess=_is_guess(until))

    def opens_at(self, record: JobRecord) -> float | None:
        """When the limit resets."""
        return time.time() + self._until[record.spec.agent].left_s

    def hold(self, record: JobRecord) -> None:
        """Hold the job until the limit resets."""
        self._held.setdefault(record.spec.agent, {})[record.id] = record

    def drop(self, record: JobRecord) -> None:
        """Hold the job no longer."""
        self._held[record.spec.agent].pop(record.id)

    def _due(self) -> None:
        free: list[JobRecord] = []
        for agent in [agent for agent, until in self._until.items() if until.left_s <= 0]:
            del self._until[agent]
            free += self._held.pop(agent, {}).values()
        self._set_timers()
        if free:
            self._admit(*free)

    def _set_timers(self) -> None:
        for kind, timer in self._timers.items():
            timer.set(min((until.time_s for until in self._until.values() if until.clock == kind), default=None))


def describe_limit(agent: str, until: float, *, is_guess: bool) -> str:
    """`usage limit of claude until 15:45`, or `until about 15:45, estimated` when its agent has not told the time."""
    if is_guess:
        return f"usage limit of {agent} until about {format_time(until // 60 * 60 + 60)}, estimated"
    return f"usage limit of {agent} until {format_time(until)}"


def _is_guess(until: ClockTime) -> bool:
    """Whether the time is a guess: only those are on the steady clock."""
    return until.clock == time.CLOCK_BOOTTIME
