"""`pause_queue`, `resume_queue` and `drain`: whether jobs start at all."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Drain, PauseQueue, QueueChange, ResumeQueue

from luziad.handlers.dispatch.project import unknown_project
from luziad.handlers.replies import Call, require_writable, unconditional_reply
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord

Change = Callable[[JobRecord, Callable[[], None]], None]


async def pause_queue(services: Services, request: PauseQueue, call: Call) -> None:
    """Start no more jobs of one project or of all, and pause the running ones."""
    require_writable(services.journal)
    _require_known(services, request.project)
    await services.scheduler.queues.pause(request.project)
    jobs = _jobs(services, request, lambda record: record.status.state in (JobState.STARTING, JobState.RUNNING))
    _change_jobs(services, call, jobs, services.scheduler.pauses.pause)


async def resume_queue(services: Services, request: ResumeQueue, call: Call) -> None:
    """Start jobs of one project or of all again, and resume the paused ones."""
    require_writable(services.journal)
    _require_known(services, request.project)
    await services.scheduler.queues.resume(request.project)
    jobs = _jobs(services, request, services.scheduler.pauses.is_paused)
    _change_jobs(services, call, jobs, services.scheduler.pauses.resume)


async def drain(services: Services, request: Drain, call: Call) -> None:
    """Start no more jobs until the daemon restarts, or end a drain."""
    await services.scheduler.queues.drain(end=request.end)
    _reply(services, call, [])


def _require_known(services: Services, project: str | None) -> None:
    """Raise Refused for a project that is neither configured nor has jobs: its name may be misspelt."""
    known = services.config.projects.keys() | services.scheduler.queues.now.projects.keys()
    if project is not None and project not in known and not services.table.counts([project]):
        raise unknown_project(services.config, project)


def _jobs(
    services: Services, request: PauseQueue | ResumeQueue, condition: Callable[[JobRecord], bool]
) -> list[JobRecord]:
    """The jobs to pause or resume with their queue."""
    if not request.running:
        return []
    active = services.table.active()
    return [record for record in active if condition(record) and request.project in (None, record.project)]


def _change_jobs(services: Services, call: Call, jobs: list[JobRecord], change: Change) -> None:
    for record in jobs:
        change(record, lambda: None)
    _reply(services, call, [record.id for record in jobs])


def _reply(services: Services, call: Call, jobs: list[str]) -> None:
    """Answer when all changes are on disk."""
    queues = services.scheduler.queues
    services.journal.after_commit(unconditional_reply(call, lambda: QueueChange(queues.now, jobs)))
