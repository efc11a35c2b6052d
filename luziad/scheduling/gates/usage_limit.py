"""The gate of usage limits: while an agent's account is limited, all queued jobs of that agent wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from luziad.clocks.clock import ClockTime
from luziad.clocks.format import format_time
from luziad.clocks.timer import ClockTimer
from luziad.jobs.record import JobRecord


class LimitGate:
    """Knows until when each agent is limited. `admit` is that of Gates.

    What it knows comes from the jobs that met the limit, which wait to go on; so it is known again after a start.
    """

    def __init__(self, admit: Callable[..., None]) -> None:
        self._admit = admit
        self._until: dict[str, ClockTime] = {}
        self._kept: dict[str, dict[str, JobRecord]] = {}
        self._timers = {kind: ClockTimer(self._due, kind) for kind in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME)}

    def close(self) -> None:
        """Wake no more."""
        for timer in self._timers.values():
            timer.close()

    def limited(self, agent: str, until: ClockTime) -> None:
        """The agent's account is limited until then."""
        known = self._until.get(agent)
        if until.left_s > max(0.0 if known is None else known.left_s, 0.0):
            self._until[agent] = until
            self._set_timers()

    def closed(self, record: JobRecord) -> bool:
        """Whether the job's agent is limited, and nobody wants the job to start all the same."""
        if not self._until:
            return False
        until = self._until.get(record.spec.agent)
        return until is not None and until.left_s > 0 and record.not_before != 0.0

    def why(self, record: JobRecord) -> str:
        """`usage limit of claude until 15:45`."""
        agent = record.spec.agent
        return f"usage limit of {agent} until {format_time(time.time() + self._until[agent].left_s)}"

    def keep(self, record: JobRecord) -> None:
        """Hold the job until the limit is over."""
        self._kept.setdefault(record.spec.agent, {})[record.id] = record

    def drop(self, record: JobRecord) -> None:
        """Hold the job no more."""
        self._kept[record.spec.agent].pop(record.id)

    def _due(self) -> None:
        free: list[JobRecord] = []
        for agent in [agent for agent, until in self._until.items() if until.left_s <= 0]:
            del self._until[agent]
            free += self._kept.pop(agent, {}).values()
        self._set_timers()
        if free:
            self._admit(*free)

    def _set_timers(self) -> None:
        for kind, timer in self._timers.items():
            timer.set(min((until.time_s for until in self._until.values() if until.clock == kind), default=None))
