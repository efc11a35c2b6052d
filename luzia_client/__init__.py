"""luzia's Python API: `Client` and `AsyncClient`, what they return, and the errors that they raise.

A name is loaded at its first use, because `luzia PROJECT TASK` imports this package too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.activity import Activity as Activity
    from luzia_protocol.activity import Question as Question
    from luzia_protocol.errors import ErrorCode as ErrorCode
    from luzia_protocol.errors import LuziaError as LuziaError
    from luzia_protocol.errors import Refused as Refused
    from luzia_protocol.events import Event as Event
    from luzia_protocol.events import EventKind as EventKind
    from luzia_protocol.graphs import GraphResult as GraphResult
    from luzia_protocol.graphs import JobGraph as JobGraph
    from luzia_protocol.job_control import CleanResult as CleanResult
    from luzia_protocol.job_control import DiscardResult as DiscardResult
    from luzia_protocol.job_control import JobChange as JobChange
    from luzia_protocol.job_control import RemoveResult as RemoveResult
    from luzia_protocol.job_control import RestoreResult as RestoreResult
    from luzia_protocol.job_control import RetryResult as RetryResult
    from luzia_protocol.jobs import Attempt as Attempt
    from luzia_protocol.jobs import Job as Job
    from luzia_protocol.jobs import JobState as JobState
    from luzia_protocol.jobs import Outcome as Outcome
    from luzia_protocol.jobs import Progress as Progress
    from luzia_protocol.jobs import SortKey as SortKey
    from luzia_protocol.jobs import Usage as Usage
    from luzia_protocol.jobs import Worktree as Worktree
    from luzia_protocol.operations import QueueChange as QueueChange
    from luzia_protocol.operations import Queues as Queues
    from luzia_protocol.output import FollowEnd as FollowEnd
    from luzia_protocol.output import Output as Output
    from luzia_protocol.replies import Agent as Agent
    from luzia_protocol.replies import AgentList as AgentList
    from luzia_protocol.replies import DaemonInfo as DaemonInfo
    from luzia_protocol.replies import DispatchResult as DispatchResult
    from luzia_protocol.replies import HelloResult as HelloResult
    from luzia_protocol.replies import ImportedJob as ImportedJob
    from luzia_protocol.replies import ImportResult as ImportResult
    from luzia_protocol.replies import JobPage as JobPage
    from luzia_protocol.replies import Project as Project
    from luzia_protocol.replies import ProjectList as ProjectList
    from luzia_protocol.replies import ReloadResult as ReloadResult
    from luzia_protocol.replies import StopResult as StopResult
    from luzia_protocol.replies import WaitResult as WaitResult
    from luzia_protocol.schedules import MissedPolicy as MissedPolicy
    from luzia_protocol.schedules import OverlapPolicy as OverlapPolicy
    from luzia_protocol.schedules import Schedule as Schedule

    from luzia_client.api.arguments import Duration as Duration
    from luzia_client.api.arguments import JobLike as JobLike
    from luzia_client.api.arguments import JobsLike as JobsLike
    from luzia_client.api.arguments import PathLike as PathLike
    from luzia_client.api.arguments import ProjectLike as ProjectLike
    from luzia_client.api.arguments import ScheduleLike as ScheduleLike
    from luzia_client.api.async_client import AsyncClient as AsyncClient
    from luzia_client.api.client import Client as Client
    from luzia_client.api.errors import ArgumentError as ArgumentError
    from luzia_client.api.errors import ClientStateError as ClientStateError
    from luzia_client.api.errors import SettingsError as SettingsError
    from luzia_client.api.requests import DispatchOptions as DispatchOptions
    from luzia_client.api.requests import EditOptions as EditOptions
    from luzia_client.api.requests import Encoding as Encoding
    from luzia_client.api.requests import GraphJob as GraphJob
    from luzia_client.api.requests import Render as Render
    from luzia_client.api.requests import ScheduledOptions as ScheduledOptions
    from luzia_client.api.requests import StreamName as StreamName
    from luzia_client.transport.endpoint import ConnectionLostError as ConnectionLostError
    from luzia_client.transport.endpoint import DaemonUnreachableError as DaemonUnreachableError
    from luzia_client.transport.endpoint import UnexpectedAnswerError as UnexpectedAnswerError

    __version__: str

_NAMES = {
    "luzia_protocol.activity": "Activity Question",
    "luzia_protocol.errors": "ErrorCode LuziaError Refused",
    "luzia_protocol.events": "Event EventKind",
    "luzia_protocol.graphs": "GraphResult JobGraph",
    "luzia_protocol.jobs": "Attempt Job JobState Outcome Progress SortKey Usage Worktree",
    "luzia_protocol.operations": "QueueChange Queues",
    "luzia_protocol.output": "FollowEnd Output",
    "luzia_protocol.replies": (
        "Agent AgentList DaemonInfo DispatchResult HelloResult ImportResult ImportedJob"
        " JobPage Project ProjectList ReloadResult StopResult WaitResult"
    ),
    "luzia_protocol.schedules": "MissedPolicy OverlapPolicy Schedule",
    "luzia_protocol.job_control": "CleanResult DiscardResult JobChange RemoveResult RestoreResult RetryResult",
    "luzia_client.api.arguments": "Duration JobLike JobsLike PathLike ProjectLike ScheduleLike",
    "luzia_client.api.async_client": "AsyncClient",
    "luzia_client.api.client": "Client",
    "luzia_client.api.errors": "ArgumentError ClientStateError SettingsError",
    "luzia_client.api.requests": "DispatchOptions EditOptions Encoding GraphJob Render ScheduledOptions StreamName",
    "luzia_client.transport.endpoint": "ConnectionLostError DaemonUnreachableError UnexpectedAnswerError",
}
"""Module -> the public names that it defines."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

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
