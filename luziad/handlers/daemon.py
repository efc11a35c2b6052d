"""`hello`, `projects`, `agents`, `reload`, `info`, `shutdown`: about the daemon itself."""

from __future__ import annotations

import os

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Agents, Hello, Info, ProjectAdd, ProjectRemove, Projects, Reload, Shutdown
from luzia_protocol.version import OLDEST_SUPPORTED, PROTOCOL_VERSION, VERSION

from luziad.config import edit as configuration
from luziad.errors import ConfigError
from luziad.handlers.base import Call, Services
from luziad.handlers.suggestions import no_project


def hello(services: Services, request: Hello, call: Call) -> replies.HelloResult:
    """Agree on a protocol version."""
    if request.version < OLDEST_SUPPORTED:
        raise Refused(
            ErrorCode.UNSUPPORTED_VERSION,
            f"protocol version {request.version} is not spoken any more; {OLDEST_SUPPORTED} is the oldest",
        )
    return replies.HelloResult(min(request.version, PROTOCOL_VERSION), VERSION, os.getpid())


def projects(services: Services, request: Projects, call: Call) -> replies.ProjectList:
    """The configured projects."""
    return services.operations.projects()


def project_add(services: Services, request: ProjectAdd, call: Call) -> replies.ProjectList:
    """Add a project to the configuration file."""
    if request.name in services.config.projects:
        raise Refused(ErrorCode.PROJECT_EXISTS, f"there is a project {request.name!r} already")
    if not request.path.startswith("/"):
        raise Refused(ErrorCode.BAD_REQUEST, f"`path` must be absolute, and {request.path!r} is not")
    problem = services.operations.programs.problem_with_directory(request.path)
    if problem is not None:
        message = f"the directory {request.path} {problem}"
        raise Refused(ErrorCode.PROJECT_DIRECTORY_MISSING, message, "Create it, or name another one.")
    try:
        configuration.add_project(services.config.config_file, request.name, request.path, request.agent)
    except (ConfigError, OSError) as exc:
        raise Refused(ErrorCode.CONFIG_INVALID, str(exc)) from exc
    services.operations.reload()
    return services.operations.projects()


def project_remove(services: Services, request: ProjectRemove, call: Call) -> replies.ProjectList:
    """Take a project out of the configuration file."""
    if request.name not in services.config.projects:
        raise no_project(services.config, request.name)
    try:
        configuration.remove_project(services.config.config_file, request.name)
    except (ConfigError, OSError, KeyError) as exc:
        raise Refused(ErrorCode.CONFIG_INVALID, str(exc)) from exc
    services.operations.reload()
    return services.operations.projects()


async def agents(services: Services, request: Agents, call: Call) -> None:
    """The known agents."""
    call.answer(await services.operations.agents(request.versions))


def reload(services: Services, request: Reload, call: Call) -> replies.ReloadResult:
    """Read the configuration again."""
    return services.operations.reload()


def info(services: Services, request: Info, call: Call) -> replies.DaemonInfo:
    """The daemon's figures."""
    return services.operations.info()


def shutdown(services: Services, request: Shutdown, call: Call) -> replies.StopResult:
    """End the daemon; running agents go on."""
    services.request_shutdown()
    return replies.StopResult(os.getpid(), services.scheduler.ready.running)
