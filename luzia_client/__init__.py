"""luzia's Python API: `Client` and `AsyncClient`, what they return, and the errors that they raise.

Everything is loaded at first use, because `luzia PROJECT TASK` imports this package too and must be instant.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.errors import ErrorCode as ErrorCode
    from luzia_protocol.errors import LuziaError as LuziaError
    from luzia_protocol.errors import Refused as Refused
    from luzia_protocol.events import Event as Event
    from luzia_protocol.jobs import Attempt as Attempt
    from luzia_protocol.jobs import Job as Job
    from luzia_protocol.jobs import JobState as JobState
    from luzia_protocol.jobs import Outcome as Outcome
    from luzia_protocol.jobs import Progress as Progress
    from luzia_protocol.jobs import Usage as Usage
    from luzia_protocol.output import FollowEnd as FollowEnd
    from luzia_protocol.output import Output as Output
    from luzia_protocol.schedules import MissedPolicy as MissedPolicy
    from luzia_protocol.schedules import OverlapPolicy as OverlapPolicy
    from luzia_protocol.schedules import Schedule as Schedule

    from luzia_client.api.async_client import AsyncClient as AsyncClient
    from luzia_client.api.client import Client as Client
    from luzia_client.api.requests import Changes as Changes
    from luzia_client.api.requests import DispatchOptions as DispatchOptions
    from luzia_client.api.settings import SettingsError as SettingsError
    from luzia_client.transport.endpoint import ConnectionLostError as ConnectionLostError
    from luzia_client.transport.endpoint import DaemonUnreachableError as DaemonUnreachableError
    from luzia_client.transport.endpoint import UnexpectedAnswerError as UnexpectedAnswerError

    __version__: str

_HOMES = {
    "AsyncClient": "luzia_client.api.async_client",
    "Attempt": "luzia_protocol.jobs",
    "Changes": "luzia_client.api.requests",
    "Client": "luzia_client.api.client",
    "ConnectionLostError": "luzia_client.transport.endpoint",
    "DaemonUnreachableError": "luzia_client.transport.endpoint",
    "DispatchOptions": "luzia_client.api.requests",
    "ErrorCode": "luzia_protocol.errors",
    "Event": "luzia_protocol.events",
    "FollowEnd": "luzia_protocol.output",
    "Job": "luzia_protocol.jobs",
    "JobState": "luzia_protocol.jobs",
    "LuziaError": "luzia_protocol.errors",
    "MissedPolicy": "luzia_protocol.schedules",
    "Outcome": "luzia_protocol.jobs",
    "Output": "luzia_protocol.output",
    "OverlapPolicy": "luzia_protocol.schedules",
    "Progress": "luzia_protocol.jobs",
    "Refused": "luzia_protocol.errors",
    "Schedule": "luzia_protocol.schedules",
    "SettingsError": "luzia_client.api.settings",
    "UnexpectedAnswerError": "luzia_client.transport.endpoint",
    "Usage": "luzia_protocol.jobs",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - the names above, which a checker reads as they are


def __getattr__(name: str) -> object:
    """Load a public name from the module that it lives in."""
    if name == "__version__":
        from luzia_protocol.version import VERSION

        return VERSION
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
