"""`dispatch`: accept a job."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_TASK_BYTES, job_name
from luzia_protocol.requests import Dispatch

from luziad.agents import registry
from luziad.clocks.clock import steady_time
from luziad.config.schema import Config
from luziad.handlers.base import Asked, Call, Services, storage_refusal
from luziad.handlers.dispatch.ancestors import ancestors_of
from luziad.handlers.dispatch.bounds import bounds_of
from luziad.handlers.dispatch.dependencies import after_of, tags_of
from luziad.handlers.dispatch.launch_options import manner, wants_more
from luziad.handlers.dispatch.requirements import claims_of
from luziad.handlers.dispatch.stall_timeout import stall_timeout_of
from luziad.handlers.dispatch.terms import terms_of
from luziad.handlers.suggestions import no_project
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.family import Origin
from luziad.jobs.ids import new_id
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.operations.programs import Programs


def dispatch(services: Services, request: Dispatch, call: Call) -> None:
    """Check the request, record the job, and answer when it is on disk."""
    scheduler, table, journal = services.scheduler, services.table, services.journal
    if request.key is not None and (known := table.by_key(request.key)) is not None:
        retry = replies.DispatchResult(known.id, job_name(known.project, known.id), known.project, created=False)
        journal.after_commit(Asked(call, lambda: retry))
        return
    check_room(services, 1)
    record = new_record(services, request, call.uid, after_of(request, lambda job: table.find(job, call.uid).id))
    answer = replies.DispatchResult(record.id, job_name(record.project, record.id), record.project)
    scheduler.accept(record, Asked(call, lambda: answer))


def check_room(services: Services, jobs: int) -> None:
    """Raise Refused unless the daemon can take in so many jobs now."""
    if services.shutting_down:
        raise Refused(ErrorCode.SHUTTING_DOWN, "the daemon is ending")
    if services.journal.failure is not None:
        raise storage_refusal(services.journal.failure)
    queued, most = services.table.queued, services.config.daemon.max_queued
    if queued + jobs > most:
        more = f", with {jobs} more to come" if jobs > 1 else ""
        raise Refused(ErrorCode.QUEUE_FULL, f"{queued} jobs are queued{more}, and {most} is the limit")


def new_record(
    services: Services,
    request: Dispatch,
    uid: int,
    after: Dependencies | None,
    *,
    node: str = "",
    others: int = 0,
) -> JobRecord:
    """The record of a job that is asked for, not accepted yet. Raises Refused.

    after: the jobs that it comes after. node: its name in a graph. others: jobs of it that are not in the table yet.
    """
    config = services.config
    check_task(_text(request))
    programs = services.operations.programs
    name, directory = _project(config, programs, request.project)
    project = config.projects.get(name)
    agent = _agent(services, request, project.agent if project else None)
    _check_circumstances(request, programs)
    wanted = None
    if wants_more(request, project):
        adapter = registry.find(agent, services.scheduler.launcher.adapters)
        can_ask = adapter is not None and adapter.respond is not None
        wanted = manner(request, project, request.cwd or directory, can_ask, programs)
    now = time.time()
    terms = terms_of(request, now)
    place = _place(services, request, uid, node, others)
    stall_timeout_s = stall_timeout_of(request)
    bounds = bounds_of(request, project, services.scheduler.executor.problem_with)
    parent = services.table.get(place.ancestors[-1]) if place is not None and place.ancestors else None
    claims = claims_of(request, name, config, services.scheduler.ready.limits.resources, parent)
    # Only now that nothing refuses the job any more may it have its variables kept.
    spec = JobSpec(
        project=name,
        directory=directory,
        agent=agent,
        created_at=now,
        task=request.task or "",
        argv=request.argv,
        cwd=request.cwd,
        key=request.key,
        env_set=_environment(services, request.env),
        client_set=_environment(services, request.client_env),
        timeout_s=request.timeout_s,
        uid=uid,
        terms=terms,
        origin=place,
        stall_timeout_s=stall_timeout_s,
        bounds=bounds,
        launch_options=wanted,
        requirements=claims,
        created_steady=None if terms is None or terms.expires_s is terms.start_in_s is None else steady_time(),
    )
    job = new_id(_hhmmss(now), _random_hex, services.table)
    fate = JobStatus(dependencies=after, held_at=now if request.hold else None)
    return JobRecord(n=services.scheduler.next_n(), id=job, spec=spec, status=fate)


def _check_circumstances(request: Dispatch, programs: Programs) -> None:
    """Where it is to run, for how long, and with which variables. Raises Refused."""
    if request.cwd is not None:
        _check_directory(programs, request.cwd, "the directory")
    if request.timeout_s is not None and not 0 < request.timeout_s < 1e9:
        raise Refused(ErrorCode.BAD_REQUEST, "`timeout_s` must be a number of seconds above 0")
    if request.env or request.client_env:
        _check_environment(request.env)
        _check_environment(request.client_env)


def _place(services: Services, request: Dispatch, uid: int, node: str, others: int) -> Origin | None:
    """None for most jobs. others: jobs that come with this one, and are not in the table yet. Raises Refused."""
    if not (node or request.tags or request.parent):
        return None
    ancestors: tuple[str, ...] = ()
    if request.parent:
        ancestors = ancestors_of(request.parent, uid, services.table, services.config.daemon, others)
    return Origin(node=node, tags=tags_of(request), ancestors=ancestors)


def _text(request: Dispatch) -> str:
    """The task, or the command in words. Raises Refused unless there is exactly one of them."""
    task, argv = request.task, request.argv
    if (task is None) == (argv is None):
        raise Refused(ErrorCode.INVALID_TASK, "exactly one of `task` and `argv` must be given")
    if argv is not None:
        if not argv or not argv[0]:
            raise Refused(ErrorCode.INVALID_TASK, "argv is empty")
        return " ".join(argv)
    assert task is not None
    return task


def check_task(task: str) -> None:
    """Raise Refused for what cannot be a task."""
    if not task or task.isspace():
        raise Refused(ErrorCode.INVALID_TASK, "the task is empty")
    if "\0" in task:
        raise Refused(ErrorCode.INVALID_TASK, "the task has a NUL character, which no program can be given")
    size = len(task) if task.isascii() else len(task.encode())
    if size > MAX_TASK_BYTES:
        raise Refused(ErrorCode.TASK_TOO_LARGE, f"the task has {size} bytes, and {MAX_TASK_BYTES} is the limit")


def _project(config: Config, programs: Programs, project: str) -> tuple[str, str]:
    """The project's name and directory. Raises Refused."""
    known = config.projects.get(project)
    if known is not None:
        _check_directory(programs, known.path, f"the directory of project {project}:")
        return project, known.path
    if not project.startswith("/"):
        raise no_project(config, project)
    path = os.path.normpath(project)
    _check_directory(programs, path, "the directory")
    for name, each in config.projects.items():
        if os.path.normpath(each.path) == path:
            return name, each.path
    return _name_of(path), path


def _check_directory(programs: Programs, path: str, what: str) -> None:
    if not path.startswith("/") or "\0" in path:
        raise Refused(ErrorCode.BAD_REQUEST, f"{what} {path!r} is no absolute path")
    problem = programs.problem_with_directory(path)
    if problem is not None:
        raise Refused(ErrorCode.PROJECT_DIRECTORY_MISSING, f"{what} {path} {problem}")


def _name_of(path: str) -> str:
    """A project name for a bare path: its last part, without what a job name cannot have."""
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in os.path.basename(path))
    return name[:64] or "root"


def _agent(services: Services, request: Dispatch, project_agent: str | None) -> str:
    if request.argv is not None:
        return registry.RUN_ADAPTER.name
    path = request.env.get("PATH") or request.client_env.get("PATH")
    programs = services.operations.programs
    return registry.choose(
        request.agent,
        project_agent,
        services.config.daemon.default_agent,
        services.scheduler.launcher.adapters,
        lambda program: programs.which(program, path),
    ).name


def _check_environment(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise Refused(ErrorCode.BAD_REQUEST, f"{name!r} cannot be set as an environment variable")


def forget_environments(services: Services, records: Iterable[JobRecord]) -> None:
    """Jobs that were not accepted need their variables no more."""
    sets = [number for record in records for number in (record.spec.env_set, record.spec.client_set)]
    services.journal.delete_environments([number for number in sets if services.scheduler.environments.release(number)])


def _environment(services: Services, variables: dict[str, str]) -> int:
    if not variables:
        return 0
    number, new = services.scheduler.environments.add_use(variables)
    if new:
        services.journal.put_environment(number, variables)
    return number


_second = (0, "")


def _hhmmss(now: float) -> str:
    """Local wall-clock time, worked out once a second."""
    global _second
    if _second[0] != int(now):
        _second = (int(now), time.strftime("%H%M%S", time.localtime(now)))
    return _second[1]


_random = ""


def _random_hex(digits: int) -> str:
    """Hex digits from the system's random source, fetched in bulk."""
    global _random
    if len(_random) < digits:
        _random = secrets.token_hex(2048)
    taken, _random = _random[:digits], _random[digits:]
    return taken
