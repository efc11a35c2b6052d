"""Replies of the daemon. A change here is a change of the protocol: see version.py.

On the wire a reply is `{"id": .., "ok": {..}}` or `{"id": .., "error": {..}}`; streams send
`{"id": .., "ok": {}}` first, then `{"id": .., "event": {..}}` or `{"id": .., "output": {..}}`, and at last
`{"id": .., "end": {..}}` or `{"id": .., "lagged": {..}}`. A `subscribe` with `positions` also gets
`{"id": .., "position": {..}}`, one with `queues` `{"id": .., "queues": {..}}`. `id` is omitted if the request had none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.base import RequestId
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event
from luzia_protocol.graphs import GraphPartResult as GraphPartResult
from luzia_protocol.graphs import GraphResult as GraphResult
from luzia_protocol.graphs import JobGraph as JobGraph
from luzia_protocol.job_control import AttachResult as AttachResult
from luzia_protocol.job_control import CleanResult as CleanResult
from luzia_protocol.job_control import DiscardResult as DiscardResult
from luzia_protocol.job_control import JobChange as JobChange
from luzia_protocol.job_control import RemoveResult as RemoveResult
from luzia_protocol.job_control import RestoreResult as RestoreResult
from luzia_protocol.job_control import RetryResult as RetryResult
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.operations import QueueChange as QueueChange
from luzia_protocol.operations import Queues as Queues
from luzia_protocol.output import FollowEnd as FollowEnd
from luzia_protocol.output import Output as Output
from luzia_protocol.past_races import PastRacers as PastRacers
from luzia_protocol.schedules import ScheduleListResult as ScheduleListResult
from luzia_protocol.schedules import ScheduleResult as ScheduleResult
from luzia_protocol.searching import SearchPage as SearchPage
from luzia_protocol.searching import SearchRebuilt as SearchRebuilt
from luzia_protocol.spending import SpendReport as SpendReport
from luzia_protocol.waiting import WhyResult as WhyResult


class JobError(msgspec.Struct, frozen=True):
    """Why one job of a graph was refused."""

    code: ErrorCode
    message: str
    hint: str


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was refused: a code for programs, a message and a remedy for users.

    jobs: for a graph, what is wrong with each of its jobs, by name; at most 100.
    oldest_seq: with `events_expired`, the seq from which on all events are stored, except old ones of progress:
    subscribing after the one before it succeeds.
    """

    code: ErrorCode
    message: str
    hint: str = ""
    jobs: dict[str, JobError] = {}
    oldest_seq: int | None = None

    @classmethod
    def of(cls, refused: Refused) -> Error:
        """The error on the wire for an exception."""
        jobs = {name: JobError(of.code, of.message, of.hint) for name, of in refused.of_jobs.items()}
        return cls(refused.code, refused.message, refused.hint, jobs, refused.oldest_seq)


class HelloResult(msgspec.Struct, frozen=True):
    """The protocol version that both sides support, and the daemon's version and process."""

    version: int
    daemon: str
    pid: int


class DispatchResult(msgspec.Struct, frozen=True, gc=False):
    """The job is on disk. created: False when a job with this `key` existed."""

    job: str
    name: str
    project: str
    created: bool = True


class DayTotals(msgspec.Struct, frozen=True):
    """What jobs have used since midnight, local time of the daemon.

    cost_usd: as the agents estimate it, None when none has told a cost. running_s: the running time of all attempts.
    """

    cost_usd: float | None
    running_s: float


class StatusResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One job in full. confirm: how a terminal confirms its dispatch, when it was asked for."""

    job: Job
    confirm: Literal["block", "line"] | None = None


class JobPage(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A page of jobs.

    counts: jobs by state, of the requested projects, regardless of `states`, `limit` and `cursor`.
    held: how many of the queued ones a user holds.
    next: the cursor of the next page, None on the last one.
    seq: the newest event that the page includes; subscribe after it to miss nothing.
    notices: messages for the operator, for example of a restored store. queues: what is paused or draining.
    pager: the setting of that name. today: the totals of the day. Both when `cli` asked for them.
    """

    jobs: list[Job]
    counts: dict[JobState, int]
    next: int | None = None
    seq: int = 0
    notices: list[str] = []
    queues: Queues = Queues()
    pager: bool | msgspec.UnsetType = msgspec.UNSET
    today: DayTotals | msgspec.UnsetType = msgspec.UNSET
    held: int = 0


class WaitResult(msgspec.Struct, frozen=True):
    """The jobs as they are now, in the requested order. timed_out: some have not finished.

    next: how many jobs the reply has, if not all of them fit into it: ask for the rest with another `wait`.
    """

    jobs: list[Job]
    timed_out: bool = False
    next: int | None = None


class ImportedJob(msgspec.Struct, frozen=True):
    """The result for one job: imported (`created`), already existing, or refused with an error.

    note: remarks on it.
    """

    job: str
    created: bool = False
    note: str | None = None
    error: Error | None = None


class ImportResult(msgspec.Struct, frozen=True):
    """The result for each job, in the order of the request. Imported jobs are on disk."""

    imports: list[ImportedJob]


class Project(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A configured project. exists: whether its directory does. paused_at: when its queue was paused.

    mcp_merge: agents may merge jobs into it. verify: the command that runs before a merge.
    pull_request: the program that opens pull requests, if it is configured.
    """

    name: str
    path: str
    exists: bool
    agent: str | None = None
    max_running: int | None = None
    running: int = 0
    queued: int = 0
    paused_at: datetime | None = None
    mcp_merge: bool = False
    verify: str | None = None
    pull_request: str | None = None


class ProjectList(msgspec.Struct, frozen=True):
    """The configured projects by name, and the configuration file."""

    projects: list[Project]
    config_file: str


class Agent(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """An agent.

    source: built-in or config. path: its program, None if it is not installed. version: as the program prints it; None
    if it was not read. problem: why the program does not start, empty if nothing is known.
    models: names for `--model`: those of the configuration and of recent jobs, and the agent's aliases; there may be
    others. permission_modes: the values for `--permission-mode`, empty if any word is passed on. has_transcript: its
    output can be read as a transcript (`render`); False in older daemons.
    """

    name: str
    source: str
    installed: bool
    path: str | None = None
    default: bool = False
    install_hint: str = ""
    version: str | None = None
    problem: str = ""
    models: list[str] = []
    permission_modes: list[str] = []
    has_transcript: bool = False


class AgentList(msgspec.Struct, frozen=True):
    """The agents in the order in which the default is chosen.

    search_path: the PATH on which they were looked for, unless an agent sets its own; empty in older daemons.
    """

    agents: list[Agent]
    search_path: str = ""


class ReloadResult(msgspec.Struct, frozen=True):
    """The configuration in force. restart_needed: changed settings that need a restart."""

    config_file: str
    projects: int
    agents: int
    restart_needed: list[str] = []


class DayBudget(msgspec.Struct, frozen=True):
    """A budget for a local day, in US dollars. left_usd: what is left of it today; below 0 when more was spent."""

    limit_usd: float
    left_usd: float


class Commits(msgspec.Struct, frozen=True):
    """The commits of the job store since the daemon has started: their number, and the seconds that they took."""

    count: int = 0
    total_s: float = 0.0


class DaemonInfo(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The daemon's status. Sizes are bytes, times seconds.

    host: the name of its machine. held: how many queued jobs a user holds.
    usage_limits: when the usage limit that an agent's account has met is reset, by agent.
    held_agents: since when an agent is held after a failure of its account, by agent.
    daily_budget: that of all projects together, None without one; daily_budgets: those of projects, by name.
    limits_problem: which limits of a job cannot be enforced, and why; None when all can.
    """

    version: str
    protocol: int
    pid: int
    started_at: datetime
    uptime_s: float
    socket: str
    runtime_dir: str
    state_dir: str
    jobs_dir: str
    config_file: str
    log_file: str | None
    counts: dict[JobState, int]
    seq: int
    slots: int
    slots_used: int
    connections: int
    subscribers: int
    rss_bytes: int
    max_jobs: int
    storage: str
    last_snapshot: str | None
    managed_by: str
    fork_server_pid: int | None
    notices: list[str] = []
    queues: Queues = Queues()
    usage_limits: dict[str, datetime] = {}
    daily_budget: DayBudget | None = None
    daily_budgets: dict[str, DayBudget] = {}
    commits: Commits = Commits()
    limits_problem: str | None = None
    host: str = ""
    held_agents: dict[str, datetime] = {}
    held: int = 0


class StopResult(msgspec.Struct, frozen=True):
    """The daemon stops now. running: attempts that continue without it."""

    pid: int
    running: int


class Lagged(msgspec.Struct, frozen=True):
    """The stream ended because its reader was too slow; subscribe again after `next`."""

    next: int


class Position(msgspec.Struct, frozen=True):
    """The stream has come to this event, which is not selected; to miss nothing, continue after `seq`."""

    seq: int


class StreamStart(msgspec.Struct, frozen=True):
    """A stream has started."""


class StreamEnded(msgspec.Struct, frozen=True):
    """The streams and waits with this request id were ended on request."""

    stream: int | str


JobReply = (
    DispatchResult
    | GraphResult
    | GraphPartResult
    | JobGraph
    | StatusResult
    | WhyResult
    | JobPage
    | SearchPage
    | SpendReport
    | PastRacers
    | Output
    | WaitResult
    | JobChange
    | RemoveResult
    | RetryResult
    | AttachResult
    | CleanResult
    | DiscardResult
    | RestoreResult
)
ScheduleReply = ScheduleResult | ScheduleListResult
DaemonReply = (
    HelloResult
    | QueueChange
    | ImportResult
    | ProjectList
    | AgentList
    | ReloadResult
    | DaemonInfo
    | StopResult
    | SearchRebuilt
)
Ok = JobReply | ScheduleReply | DaemonReply | StreamStart | StreamEnded


class OkFrame(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`{"id": .., "ok": {..}}`"""

    ok: Ok
    id: RequestId = None


class ErrorFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "error": {..}}`"""

    error: Error
    id: RequestId = None


class EventFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "event": {..}}`"""

    event: Event
    id: RequestId = None


class OutputFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "output": {..}}`"""

    output: Output
    id: RequestId = None


class EndFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "end": {..}}`"""

    end: FollowEnd
    id: RequestId = None


class LaggedFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "lagged": {..}}`"""

    lagged: Lagged
    id: RequestId = None


class PositionFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "position": {..}}`"""

    position: Position
    id: RequestId = None


class QueuesFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "queues": {..}}`"""

    queues: Queues
    id: RequestId = None
