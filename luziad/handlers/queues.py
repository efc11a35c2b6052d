"""`pause_queue`, `resume_queue` and `drain`: what starts at all."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.jobs import JobState
from luzia_protocol.operating import Drain, PauseQueue, QueueChange, ResumeQueue

from luziad.errors import StorageError
from luziad.handlers.base import AnsweredAnyway, Call, Services, storage_refusal
from luziad.handlers.changes import must_be_writable
from luziad.handlers.suggestions import no_project
from luziad.jobs.record import JobRecord

Change = Callable[[JobRecord, Callable[[], None]], None]


async def pause_queue(services: Services, request: PauseQueue, call: Call) -> None:
    """Start nothing of a project or of everything, and pause what runs."""
    must_be_writable(services)
    _must_be_known(services, request.project)
    try:
        await services.scheduler.queues.pause(request.project)
    except StorageError as exc:
        raise storage_refusal(exc) from exc
    jobs = _jobs(services, request, lambda record: record.status.state in (JobState.STARTING, JobState.RUNNING))
    _answer(services, call, jobs, services.scheduler.pausing.pause)


async def resume_queue(services: Services, request: ResumeQueue, call: Call) -> None:
    """Start jobs of a project or of everything again, and resume what is paused."""
    must_be_writable(services)
    _must_be_known(services, request.project)
    try:
        await services.scheduler.queues.resume(request.project)
    except StorageError as exc:
        raise storage_refusal(exc) from exc
    jobs = _jobs(services, request, services.scheduler.pausing.is_paused)
    _answer(services, call, jobs, services.scheduler.pausing.resume)


async def drain(services: Services, request: Drain, call: Call) -> None:
    """Start nothing until the daemon is stopped, or start jobs again."""
    try:
        await services.scheduler.queues.drain(end=request.end)
    except StorageError as exc:
        raise storage_refusal(exc) from exc
    _tell(services, call, [])


def _must_be_known(services: Services, project: str | None) -> None:
    """Raise Refused for a project that nobody has heard of: its name may be misspelt."""
    known = services.config.projects.keys() | services.scheduler.queues.now.projects.keys()
    if project is not None and project not in known and not services.table.counts([project]):
        raise no_project(services.config, project)


def _jobs(
    services: Services, request: PauseQueue | ResumeQueue, wanted: Callable[[JobRecord], bool]
) -> list[JobRecord]:
    """The jobs that are paused or resumed with their queue."""
    if not request.running:
        return []
    active = services.table.active()
    return [record for record in active if wanted(record) and request.project in (None, record.project)]


def _answer(services: Services, call: Call, jobs: list[JobRecord], change: Change) -> None:
    for record in jobs:
        change(record, lambda: None)
    _tell(services, call, [record.id for record in jobs])


def _tell(services: Services, call: Call, jobs: list[str]) -> None:
    """Answer when all of it is on disk."""
    queues = services.scheduler.queues
    services.journal.after_commit(AnsweredAnyway(call, lambda: QueueChange(queues.now, jobs)))
