"""Requests of clients: one struct per op. A change here is a change of the protocol: see version.py.

Every request may have an `id`, a number or string of the client's choice, which the reply repeats.
"""

from __future__ import annotations

from luzia_protocol.base import Base, JobRequest
from luzia_protocol.dispatch import AwareTime
from luzia_protocol.dispatch import Dispatch as Dispatch
from luzia_protocol.graphs import Graph as Graph
from luzia_protocol.graphs import GraphPart as GraphPart
from luzia_protocol.graphs import GraphShow as GraphShow
from luzia_protocol.graphs import Node as Node
from luzia_protocol.job_control import Accept as Accept
from luzia_protocol.job_control import Again as Again
from luzia_protocol.job_control import Answer as Answer
from luzia_protocol.job_control import Attach as Attach
from luzia_protocol.job_control import Cancel as Cancel
from luzia_protocol.job_control import Clean as Clean
from luzia_protocol.job_control import ControlRequest
from luzia_protocol.job_control import Detach as Detach
from luzia_protocol.job_control import Discard as Discard
from luzia_protocol.job_control import Edit as Edit
from luzia_protocol.job_control import Pause as Pause
from luzia_protocol.job_control import Reject as Reject
from luzia_protocol.job_control import Remove as Remove
from luzia_protocol.job_control import ReportProgress as ReportProgress
from luzia_protocol.job_control import RestoreWork as RestoreWork
from luzia_protocol.job_control import Resume as Resume
from luzia_protocol.job_control import Retry as Retry
from luzia_protocol.job_control import Send as Send
from luzia_protocol.job_control import UpdateStatus as UpdateStatus
from luzia_protocol.jobs import Job, JobState, SortKey
from luzia_protocol.operations import Drain as Drain
from luzia_protocol.operations import Hold as Hold
from luzia_protocol.operations import PauseQueue as PauseQueue
from luzia_protocol.operations import QueueRequest
from luzia_protocol.operations import Release as Release
from luzia_protocol.operations import ResumeAgent as ResumeAgent
from luzia_protocol.operations import ResumeQueue as ResumeQueue
from luzia_protocol.output import Follow as Follow
from luzia_protocol.output import Logs as Logs
from luzia_protocol.past_races import PastRaces as PastRaces
from luzia_protocol.schedules import ScheduleAdd as ScheduleAdd
from luzia_protocol.schedules import ScheduleList as ScheduleList
from luzia_protocol.schedules import SchedulePause as SchedulePause
from luzia_protocol.schedules import ScheduleRemove as ScheduleRemove
from luzia_protocol.schedules import ScheduleRequest
from luzia_protocol.schedules import ScheduleResume as ScheduleResume
from luzia_protocol.schedules import ScheduleRun as ScheduleRun
from luzia_protocol.schedules import ScheduleShow as ScheduleShow
from luzia_protocol.searching import Search as Search
from luzia_protocol.searching import SearchRebuild as SearchRebuild
from luzia_protocol.spending import Spend as Spend
from luzia_protocol.waiting import Why as Why


class Hello(Base, tag="hello"):
    """Agree on a protocol version; optional. Answered by replies.HelloResult or `unsupported_version`."""

    version: int = 1
    client: str | None = None


class Status(JobRequest, tag="status"):
    """One job in full. Answered by replies.StatusResult. confirm: also say how a terminal confirms the dispatch."""

    confirm: bool = False


class List(Base, tag="list"):
    """Jobs, newest first, in pages. Answered by replies.JobPage.

    projects, agents, states: select these; empty selects all. tags: select jobs that have all of these.
    parent: select the sub-jobs of this job.
    limit: jobs per page, 1 to MAX_PAGE.
    cursor: the `next` of the previous page, with all other fields unchanged.
    since: select jobs dispatched at this time or later.
    sort: another order: times and quantities descending, text ascending; jobs without a value last, equal ones newest
    first. `turn` is the order of luzia_protocol.states.SORT_KEYS.
    reverse: the opposite order. A job that changes between two pages of such an order may be in both or in neither.
    search: select jobs that have all of these words, in any case, anywhere in their task, last message, project, tags
    (KEY=VALUE) or id; up to MAX_SEARCH_WORDS words in MAX_SEARCH_CHARS characters.
    cli: also answer whether lists open a pager, and the totals of the day.
    """

    projects: list[str] = []
    states: list[JobState] = []
    limit: int = 50
    cursor: int | None = None
    tags: dict[str, str] = {}
    parent: str | None = None
    since: AwareTime | None = None
    sort: SortKey = "created"
    reverse: bool = False
    search: str = ""
    agents: list[str] = []
    cli: bool = False


class Wait(Base, tag="wait"):
    """Answer, out of order, when all jobs have finished or after `timeout_s`. See replies.WaitResult.

    parent: the job that waits. When it waits for a sub-job, it lends its slots, and the reply comes when it has them
    back.
    """

    jobs: list[str]
    timeout_s: float | None = None
    parent: str | None = None


class Subscribe(Base, tag="subscribe"):
    """Stream events: stored ones after `after` first, then live ones. Items are events, the end is `lagged`.

    after: the last `seq` that the caller has seen; None begins with the next event.
    jobs, projects, kinds: select these; empty selects all.
    positions: also send a `position` after many events that are not selected: it is a newer value for `after`.
    queues: also send what is paused, before the live events and after each change.
    """

    after: int | None = None
    jobs: list[str] = []
    projects: list[str] = []
    kinds: list[str] = []
    positions: bool = False
    queues: bool = False


class Unsubscribe(Base, tag="unsubscribe"):
    """End streams and waits of this connection. Answered by replies.StreamEnded; no item follows that reply.

    stream: the `id` of their request.
    """

    stream: int | str


class Import(Base, tag="import"):
    """Import jobs of another luzia, in the form of its `status`. Answered by replies.ImportResult.

    jobs: at most MAX_IMPORT_JOBS. Existing jobs stay unchanged; an unfinished job becomes `lost`.
    """

    jobs: list[Job]


class Projects(Base, tag="projects"):
    """The configured projects. Answered by replies.ProjectList."""


class ProjectAdd(Base, tag="project_add"):
    """Add a project to the configuration file and apply it. Answered by replies.ProjectList."""

    name: str
    path: str
    agent: str | None = None


class ProjectRemove(Base, tag="project_remove"):
    """Remove a project from the configuration file; its jobs stay. Answered by replies.ProjectList."""

    name: str


class Agents(Base, tag="agents"):
    """The agents that are built in or configured. Answered by replies.AgentList.

    versions: read their versions, too, which may take seconds. client_env: the variables of the caller, as in a
    dispatch: the agents are those that its jobs would find. project: the project of these jobs, None for no settings.
    """

    versions: bool = True
    client_env: dict[str, str] = {}
    project: str | None = None


class Reload(Base, tag="reload"):
    """Read the configuration again; an invalid file is refused. Answered by replies.ReloadResult."""


class Info(Base, tag="info"):
    """The daemon's status. Answered by replies.DaemonInfo.

    unless_storage: answer, out of order, as soon as `storage` is not this; None answers at once. A daemon that does not
    know the field answers at once, too.
    """

    unless_storage: str | None = None


class Shutdown(Base, tag="shutdown"):
    """Stop the daemon; running agents continue. Answered by replies.StopResult."""


DispatchRequest = Dispatch | Graph | GraphPart
ReadRequest = (
    GraphShow | Status | Why | List | Search | Spend | PastRaces | Logs | Follow | Wait | Subscribe | Unsubscribe
)
DaemonRequest = (
    Hello | Import | Projects | ProjectAdd | ProjectRemove | Agents | Reload | Info | Shutdown | SearchRebuild
)
Request = DispatchRequest | ReadRequest | ControlRequest | QueueRequest | ScheduleRequest | DaemonRequest

MAX_MESSAGE_BYTES = 64 * 1024
MAX_PAGE = 1000
MAX_IMPORT_JOBS = 100
MAX_OUTPUT_BYTES = 1024 * 1024
MAX_WAIT_JOBS = 10_000
MAX_PARENTS = 1000
MAX_KEY_CHARS = 1000
MAX_BASE_CHARS = 250
MAX_TAGS = 16
MAX_SEARCH_WORDS = 16
MAX_SEARCH_CHARS = 1000
MAX_TAG_CHARS = 200
MAX_GRAPH_JOBS = 10_000
