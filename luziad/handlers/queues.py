"""`pause_queue`, `resume_queue` and `drain`: whether jobs start at all."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Drain, PauseQueue, QueueChange, ResumeAgent, ResumeQueue

from luziad.agents import registry
from luziad.handlers.replies import Call, require_writable, unconditional_reply
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord

Change = Callable[[JobRecord, Callable[[], None]], None]


async def pause_queue(services: Services, request: PauseQueue, call: Call) -> None:
    """Start no more jobs of one project or of all, and pause the running ones."""
    require_writable(services.journal)
    project = _find_project(services, request)
    await services.scheduler.queues.pause(project)
    jobs = _jobs(
        services, request, project, lambda record: record.status.state in (JobState.STARTING, JobState.RUNNING)
    )
    _change_jobs(services, call, jobs, services.scheduler.pauses.pause)


async def resume_queue(services: Services, request: ResumeQueue, call: Call) -> None:
    """Start jobs of one project or of all again, and resume the paused ones."""
    require_writable(services.journal)
    project = _find_project(services, request)
    await services.scheduler.queues.resume(project)
    jobs = _jobs(services, request, project, services.scheduler.pauses.is_paused)
    _change_jobs(services, call, jobs, services.scheduler.pauses.resume)


async def resume_agent(services: Services, request: ResumeAgent, call: Call) -> None:
    """Start jobs of an agent again that wait because of its account."""
    require_writable(services.journal)
    if registry.find(request.agent, services.scheduler.launcher.adapters) is None:
        raise Refused(ErrorCode.UNKNOWN_AGENT, f"unknown agent '{request.agent}'")
    _reply(services, call, services.scheduler.resume_agent(request.agent))


async def drain(services: Services, request: Drain, call: Call) -> None:
    """Start no more jobs until the daemon restarts, or end a drain."""
    await services.scheduler.queues.drain(end=request.end)
    _reply(services, call, [])


def _find_project(services: Services, request: PauseQueue | ResumeQueue) -> str | None:
    """The name of the project; None for all. Raises Refused when it is not known: its name may be misspelt."""
    return None if request.project is None else services.find_project(request.project)


def _jobs(
    services: Services, request: PauseQueue | ResumeQueue, project: str | None, condition: Callable[[JobRecord], bool]
) -> list[JobRecord]:
    """The jobs to pause or resume with their queue."""
    if not request.running:
        return []
    active = services.table.active()
    return [record for record in active if condition(record) and project in (None, record.project)]


def _change_jobs(services: Services, call: Call, jobs: list[JobRecord], change: Change) -> None:
    for record in jobs:
        change(record, lambda: None)
    _reply(services, call, [record.id for record in jobs])


def _reply(services: Services, call: Call, jobs: list[str]) -> None:
    """Answer when all changes are on disk."""
    queues = services.scheduler.queues
    services.journal.after_commit(unconditional_reply(call, lambda: QueueChange(queues.now, jobs)))
