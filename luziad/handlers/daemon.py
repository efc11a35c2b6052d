"""Requests about the daemon as a whole: its version, projects, agents and configuration, import and shutdown."""

from __future__ import annotations

import os

from luzia_protocol import replies, requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.version import OLDEST_SUPPORTED, PROTOCOL_VERSION, VERSION

from luziad.config import edit as configuration
from luziad.errors import ConfigError
from luziad.handlers.dispatch.inputs import validate_variables
from luziad.handlers.dispatch.project import unknown_project, validate_directory
from luziad.handlers.replies import Call, SlicedReply, committed_reply, require_writable
from luziad.handlers.services import Services
from luziad.operations import importing

CANNOT_WRITE = (
    "Check the owner and mode of the file and of its directory, and that its file system is writable; the variable "
    "LUZIA_CONFIG of the daemon names another file."
)


def hello(services: Services, request: requests.Hello, call: Call) -> replies.HelloResult:
    """Agree on a protocol version."""
    if request.version < OLDEST_SUPPORTED:
        raise Refused(
            ErrorCode.UNSUPPORTED_VERSION,
            f"protocol version {request.version} is not supported; the oldest is {OLDEST_SUPPORTED}",
        )
    return replies.HelloResult(min(request.version, PROTOCOL_VERSION), VERSION, os.getpid())


def projects(services: Services, request: requests.Projects, call: Call) -> replies.ProjectList:
    """The configured projects."""
    return services.operations.projects()


def project_add(services: Services, request: requests.ProjectAdd, call: Call) -> replies.ProjectList:
    """Add a project to the configuration file."""
    if request.name in services.config.projects:
        raise Refused(ErrorCode.PROJECT_EXISTS, f"project '{request.name}' already exists")
    validate_directory(request.path, services.operations.programs)
    try:
        configuration.add_project(services.config.config_file, request.name, request.path, request.agent)
    except (ConfigError, OSError) as exc:
        raise Refused(ErrorCode.CONFIG_INVALID, str(exc), _edit_hint(exc)) from exc
    services.operations.reload()
    return services.operations.projects()


def project_remove(services: Services, request: requests.ProjectRemove, call: Call) -> replies.ProjectList:
    """Remove a project from the configuration file."""
    if request.name not in services.config.projects:
        raise unknown_project(services.config, request.name)
    try:
        configuration.remove_project(services.config.config_file, request.name)
    except (ConfigError, OSError, KeyError) as exc:
        raise Refused(ErrorCode.CONFIG_INVALID, str(exc), _edit_hint(exc)) from exc
    services.operations.reload()
    return services.operations.projects()


def _edit_hint(exc: Exception) -> str:
    """What to do about a file that cannot be written; nothing for another mistake, which has the hint of its code."""
    return CANNOT_WRITE if isinstance(exc, OSError) or isinstance(exc.__cause__, OSError) else ""


async def agents(services: Services, request: requests.Agents, call: Call) -> None:
    """The agents that are built in or configured."""
    validate_variables(request.client_env)
    name = "" if request.project is None else services.find_project(request.project)
    project = services.config.project(name)
    call.answer(await services.operations.agents(request.versions, request.client_env, project))


def reload(services: Services, request: requests.Reload, call: Call) -> replies.ReloadResult:
    """Read the configuration again."""
    return services.operations.reload()


def info(services: Services, request: requests.Info, call: Call) -> replies.DaemonInfo | None:
    """The daemon's status: now, or as soon as the state of the store is another one."""
    if request.unless_storage != services.operations.storage():
        return services.operations.info()
    call.out_of_order()
    call.on_close(services.journal.watch_storage(lambda: call.answer_in_slices(_info(services))))
    return None


def _info(services: Services) -> SlicedReply:
    yield
    return services.operations.info()


def shutdown(services: Services, request: requests.Shutdown, call: Call) -> replies.StopResult:
    """Stop the daemon; running agents continue."""
    services.shutdown.request()
    return replies.StopResult(os.getpid(), services.scheduler.ready.running)


def import_jobs(services: Services, request: requests.Import, call: Call) -> None:
    """Import the jobs of another luzia that do not exist here, and answer when they are on disk."""
    if len(request.jobs) > requests.MAX_IMPORT_JOBS:
        message = f"too many jobs: {len(request.jobs)}; the limit is {requests.MAX_IMPORT_JOBS}"
        raise Refused(ErrorCode.BAD_REQUEST, message)
    require_writable(services.journal)
    imported = replies.ImportResult(importing.import_jobs(services.scheduler, request.jobs, call.uid))
    services.journal.after_commit(committed_reply(call, lambda: imported))
