"""The gate of usage limits: while an agent's account is limited, all queued jobs of that agent wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from luziad.core.record import JobRecord
from luziad.time_gate import clock
from luziad.wall_timer import WallTimer


class LimitGate:
    """Knows until when each agent is limited. `admit` is that of Gates.

    What it knows comes from the jobs that met the limit, which wait to go on; so it is known again after a start.
    """

    def __init__(self, admit: Callable[..., None]) -> None:
        self._admit = admit
        self._until: dict[str, float] = {}
        self._kept: dict[str, dict[str, JobRecord]] = {}
        self._timer = WallTimer(self._due)
        self.close = self._timer.close

    def limited(self, agent: str, until: float) -> None:
        """The agent's account is limited until then, in epoch seconds."""
        if until > max(self._until.get(agent, 0.0), time.time()):
            self._until[agent] = until
            self._timer.set(min(self._until.values()))

    def closed(self, record: JobRecord) -> bool:
        """Whether the job's agent is limited, and nobody wants the job to start all the same."""
        if not self._until:
            return False
        return self._until.get(record.spec.agent, 0.0) > time.time() and record.not_before != 0.0

    def why(self, record: JobRecord) -> str:
        """`usage limit of claude until 15:45`."""
        agent = record.spec.agent
        return f"usage limit of {agent} until {clock(self._until[agent])}"

    def keep(self, record: JobRecord) -> None:
        """Hold the job until the limit is over."""
        self._kept.setdefault(record.spec.agent, {})[record.id] = record

    def drop(self, record: JobRecord) -> None:
        """Hold the job no more."""
        self._kept[record.spec.agent].pop(record.id)

    def _due(self) -> None:
        now = time.time()
        free: list[JobRecord] = []
        for agent in [agent for agent, until in self._until.items() if until <= now]:
            del self._until[agent]
            free += self._kept.pop(agent, {}).values()
        self._timer.set(min(self._until.values(), default=None))
        if free:
            self._admit(*free)
