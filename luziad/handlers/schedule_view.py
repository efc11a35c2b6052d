"""A schedule as a client sees it."""

from __future__ import annotations

from datetime import UTC, datetime

from luzia_protocol.schedules import Run, Schedule

from luziad.handlers.base import Services
from luziad.schedules.entry import Entry


def schedule_view(services: Services, entry: Entry, runs: int) -> Schedule:
    """The wire's Schedule, with so many runs to come; moments are in its zone."""
    spec, fate, zone = entry.record.spec, entry.record.status, entry.zone or UTC
    last = None
    if fate.last is not None:
        job = services.table.get(fate.last.job)
        last = Run(
            at=datetime.fromtimestamp(fate.last.at, zone),
            job=fate.last.job or None,
            state=None if job is None else job.status.state,
            note=fate.last.note,
        )
    return Schedule(
        name=spec.name,
        cron=spec.cron,
        timezone=spec.timezone,
        job=spec.job,
        missed=spec.missed,
        overlap=spec.overlap,
        created_at=datetime.fromtimestamp(spec.created_at, zone),
        paused=fate.paused,
        next=[datetime.fromtimestamp(moment, zone) for moment in entry.next_runs(runs)],
        last=last,
        live=[job.id for job in services.schedules.live(entry)],
        env_names=services.scheduler.environments.names(spec.env_set),
        problem=entry.problem,
    )
