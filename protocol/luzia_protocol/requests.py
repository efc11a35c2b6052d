"""What a client may ask: one struct for each op. A change here is a change of the protocol: see version.py.

Every request may carry `id`, a number or a string of the client's choice, which comes back in the answer.
"""

from __future__ import annotations

from luzia_protocol.base import Base
from luzia_protocol.dispatch import Dispatch as Dispatch
from luzia_protocol.dispatch import Moment
from luzia_protocol.graphs import Graph as Graph
from luzia_protocol.graphs import GraphShow as GraphShow
from luzia_protocol.graphs import Node as Node
from luzia_protocol.jobs import Job, JobState, SortKey
from luzia_protocol.operating import Drain as Drain
from luzia_protocol.operating import Hold as Hold
from luzia_protocol.operating import PauseQueue as PauseQueue
from luzia_protocol.operating import Release as Release
from luzia_protocol.operating import ResumeQueue as ResumeQueue
from luzia_protocol.output import Follow as Follow
from luzia_protocol.output import Logs as Logs
from luzia_protocol.schedules import ScheduleAdd as ScheduleAdd
from luzia_protocol.schedules import ScheduleList as ScheduleList
from luzia_protocol.schedules import SchedulePause as SchedulePause
from luzia_protocol.schedules import ScheduleRemove as ScheduleRemove
from luzia_protocol.schedules import ScheduleResume as ScheduleResume
from luzia_protocol.schedules import ScheduleRun as ScheduleRun
from luzia_protocol.schedules import ScheduleShow as ScheduleShow
from luzia_protocol.steering import Answer as Answer
from luzia_protocol.steering import Cancel as Cancel
from luzia_protocol.steering import Clean as Clean
from luzia_protocol.steering import Edit as Edit
from luzia_protocol.steering import Pause as Pause
from luzia_protocol.steering import Remove as Remove
from luzia_protocol.steering import ReportProgress as ReportProgress
from luzia_protocol.steering import Resume as Resume
from luzia_protocol.steering import Retry as Retry
from luzia_protocol.steering import Send as Send
from luzia_protocol.steering import UpdateStatus as UpdateStatus


class Hello(Base, tag="hello"):
    """Agree on a protocol version; optional. Answered by replies.HelloResult or `unsupported_version`."""

    version: int = 1
    client: str | None = None


class Status(Base, tag="status"):
    """Everything about one job. Answered by replies.StatusResult."""

    job: str


class List(Base, tag="list"):
    """Jobs, newest first, a page at a time. Answered by replies.JobPage.

    projects, states: keep only these; empty keeps all. tags: keep only jobs that have all of these.
    parent: keep only jobs that were dispatched from inside this one.
    limit: jobs in a page, 1 to MAX_PAGE.
    cursor: the `next` of the page before, with everything else as it was.
    since: keep only jobs that were dispatched then or later.
    sort: another order: moments and quantities from the largest, words from A; who has none comes last, and of equal
    jobs the newest first. reverse: the other way round. A job that changes between two pages of such an order may be in
    both of them, or in neither.
    """

    projects: list[str] = []
    states: list[JobState] = []
    limit: int = 50
    cursor: int | None = None
    tags: dict[str, str] = {}
    parent: str | None = None
    since: Moment | None = None
    sort: SortKey = "created"
    reverse: bool = False


class Wait(Base, tag="wait"):
    """Answer, out of order, when all of the jobs are final or `timeout_s` is over. See replies.WaitResult.

    parent: the job from inside which the caller waits. When it waits for one below it, it lends its slots, and the
    answer comes when it has them back.
    """

    jobs: list[str]
    timeout_s: float | None = None
    parent: str | None = None


class Subscribe(Base, tag="subscribe"):
    """Stream events: those after `after` first, then live ones. Items are events, the end is `lagged`.

    after: the last seq that the caller has seen; None begins with what happens next.
    jobs, projects, kinds: keep only these; empty keeps all.
    """

    after: int | None = None
    jobs: list[str] = []
    projects: list[str] = []
    kinds: list[str] = []


class Import(Base, tag="import"):
    """Take in jobs of another luzia as its `status` shows them. Answered by replies.ImportResult.

    jobs: at most MAX_IMPORT_JOBS. What is there already stays as it is; one that is not final becomes `lost`.
    """

    jobs: list[Job]


class Projects(Base, tag="projects"):
    """The configured projects. Answered by replies.ProjectList."""


class ProjectAdd(Base, tag="project_add"):
    """Write a project into the configuration file and apply it. Answered by replies.ProjectList."""

    name: str
    path: str
    agent: str | None = None


class ProjectRemove(Base, tag="project_remove"):
    """Take a project out of the configuration file; its jobs stay. Answered by replies.ProjectList."""

    name: str


class Agents(Base, tag="agents"):
    """The agents that the daemon knows. Answered by replies.AgentList.

    versions: ask their programs for these, which takes some of them seconds.
    """

    versions: bool = True


class Reload(Base, tag="reload"):
    """Read the configuration again; a broken file is refused whole. Answered by replies.ReloadResult."""


class Info(Base, tag="info"):
    """What the daemon is and how it does. Answered by replies.DaemonInfo."""


class Shutdown(Base, tag="shutdown"):
    """End the daemon and leave running agents alone. Answered by replies.StopResult."""


Request = (
    Hello
    | Dispatch
    | Graph
    | GraphShow
    | Edit
    | Status
    | List
    | Logs
    | Follow
    | Wait
    | Cancel
    | Pause
    | Resume
    | Hold
    | Release
    | PauseQueue
    | ResumeQueue
    | Drain
    | Retry
    | Send
    | Remove
    | Clean
    | Answer
    | Subscribe
    | ReportProgress
    | UpdateStatus
    | Import
    | ScheduleAdd
    | ScheduleList
    | ScheduleShow
    | SchedulePause
    | ScheduleResume
    | ScheduleRemove
    | ScheduleRun
    | Projects
    | ProjectAdd
    | ProjectRemove
    | Agents
    | Reload
    | Info
    | Shutdown
)

MAX_MESSAGE_BYTES = 64 * 1024
MAX_PAGE = 1000
MAX_IMPORT_JOBS = 100
MAX_OUTPUT_BYTES = 1024 * 1024
MAX_WAIT_JOBS = 10_000
MAX_PARENTS = 1000
MAX_TAGS = 16
MAX_TAG_CHARS = 200
MAX_GRAPH_JOBS = 10_000
