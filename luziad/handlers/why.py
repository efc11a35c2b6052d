"""`why`: everything that a queued job has to pass before it starts, and when it is expected to."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import islice

from luzia_protocol.jobs import JobState, Outcome
from luzia_protocol.waiting import GateState, LimitState, StartEstimate, Why, WhyResult

from luziad.handlers.replies import Call
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord
from luziad.scheduling.ready import estimate, explain

SAMPLES = 50
"""The number of ended jobs that an estimate is computed from, at most."""
EXAMINED = 2000
"""The newest jobs that are searched for them, so that the work is bounded."""


def why(services: Services, request: Why, call: Call) -> WhyResult:
    """The job in full; for a queued one its gates, its limits, its position, and when it is expected to start."""
    record = services.table.find(request.job, call.uid)
    job = services.view(record, whole=True)
    if record.status.state is not JobState.QUEUED:
        return WhyResult(job)
    gates = services.scheduler.gates.states(record)
    if services.journal.failure is not None:
        gates.insert(0, GateState("store", is_open=False, reason=job.reason))
    ready = services.scheduler.ready
    entry = ready.waiting.get(record.id)
    if entry is None:
        return WhyResult(job, gates, estimate=_after_others(services, record, gates))
    limits = [LimitState(*limit) for limit in estimate.slot_limits(ready, record.id)]
    position = explain.position(ready, entry)
    is_next = all(gate.is_open or gate.name == "slots" for gate in gates)
    return WhyResult(job, gates, limits, position, _in_the_queue(services, record) if is_next else None)


def _in_the_queue(services: Services, record: JobRecord) -> StartEstimate | None:
    """When slots will have become free for all jobs before this one; None when it waits for anything else."""
    history = _History(services)
    typical, waits_s = history.typical(record), []
    for limit in estimate.full_limits(services.scheduler.ready, record.id):
        running = [each for each in map(services.table.get, limit.holders) if each is not None]
        left_s = [left for left in map(history.left_s, running) if left is not None]
        if typical is None or len(left_s) < len(running):
            return None
        waits_s.append(estimate.wait_s(limit.position, limit.slots, left_s, typical[0]))
    return None if typical is None or not waits_s else _estimate(max(waits_s), typical)


def _after_others(services: Services, record: JobRecord, gates: list[GateState]) -> StartEstimate | None:
    """When the running jobs that it depends on will have ended, if it waits for nothing else."""
    dependencies = record.status.dependencies
    closed = [gate.name for gate in gates if gate.is_open is False]
    if dependencies is None or closed != ["dependencies"]:
        return None
    history = _History(services)
    in_s, slowest = 0.0, None
    for parent in map(services.table.get, dependencies.parents):
        if parent is None or parent.status.state.is_final:
            continue
        left_s, typical = history.left_s(parent), history.typical(parent)
        if parent.status.state is JobState.QUEUED or left_s is None or typical is None:
            return None
        if slowest is None or left_s > in_s:
            in_s, slowest = left_s, typical
    return None if slowest is None else _estimate(in_s, slowest)


def _estimate(in_s: float, typical: tuple[float, int]) -> StartEstimate:
    return StartEstimate(datetime.fromtimestamp(time.time() + in_s, UTC), *typical)


class _History:
    """How long the newest completed jobs ran, by project and agent."""

    def __init__(self, services: Services) -> None:
        self._durations: dict[tuple[str, str], list[float]] = {}
        for record in islice(services.table.newest_first(), EXAMINED):
            attempt = record.attempt
            if record.status.outcome is Outcome.COMPLETED and attempt is not None and attempt.duration_s is not None:
                found = self._durations.setdefault((record.project, record.spec.agent), [])
                if len(found) < SAMPLES:
                    found.append(attempt.duration_s)

    def typical(self, record: JobRecord) -> tuple[float, int] | None:
        """The median of the seconds that jobs of its project and agent ran, and how many they are; None without any."""
        found = self._durations.get((record.project, record.spec.agent))
        if found is None:
            return None
        from statistics import median  # its modules take memory that an idle daemon does not need

        return (median(found), len(found))

    def left_s(self, record: JobRecord) -> float | None:
        """How long a running job still runs, if it is a typical one; 0 when it has run longer than that."""
        typical, attempt = self.typical(record), record.attempt
        if typical is None:
            return None
        started_at = None if attempt is None else attempt.started_at
        return typical[0] if started_at is None else max(typical[0] - (time.time() - started_at), 0.0)
