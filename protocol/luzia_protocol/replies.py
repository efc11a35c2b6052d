"""What the daemon answers. A change here is a change of the protocol: see version.py.

On the wire an answer is `{"id": .., "ok": {..}}` or `{"id": .., "error": {..}}`; streams send
`{"id": .., "ok": {}}` first, then `{"id": .., "event": {..}}` or `{"id": .., "output": {..}}`, and at last
`{"id": .., "end": {..}}` or `{"id": .., "lagged": {..}}`. `id` is left out when the request had none.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from luzia_protocol.errors import ErrorCode
from luzia_protocol.events import Event
from luzia_protocol.graphs import GraphResult as GraphResult
from luzia_protocol.graphs import JobGraph as JobGraph
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.operating import QueueChange as QueueChange
from luzia_protocol.operating import Queues as Queues
from luzia_protocol.output import FollowEnd as FollowEnd
from luzia_protocol.output import Output as Output
from luzia_protocol.schedules import ScheduleListResult as ScheduleListResult
from luzia_protocol.schedules import ScheduleResult as ScheduleResult
from luzia_protocol.steering import CleanResult as CleanResult
from luzia_protocol.steering import JobChange as JobChange


class Error(msgspec.Struct, frozen=True):
    """Why a request was refused: a code for programs, a message and a remedy for people."""

    code: ErrorCode
    message: str
    hint: str = ""


class HelloResult(msgspec.Struct, frozen=True):
    """The protocol version that both sides speak, and who the daemon is."""

    version: int
    daemon: str
    pid: int


class DispatchResult(msgspec.Struct, frozen=True, gc=False):
    """The job is on disk. `created` is False when `key` named a job that existed."""

    job: str
    name: str
    project: str
    created: bool = True


class StatusResult(msgspec.Struct, frozen=True):
    """One job, whole."""

    job: Job


class JobPage(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A page of jobs.

    counts: jobs by state, over the projects asked for, whatever `states`, `limit` and `cursor` say.
    next: the cursor of the next page, None on the last one.
    seq: the newest event that the page takes into account; subscribe after it and miss nothing.
    notices: what the operator should know (a restored store), in words. queues: what is paused, or drains.
    """

    jobs: list[Job]
    counts: dict[JobState, int]
    next: int | None = None
    seq: int = 0
    notices: list[str] = []
    queues: Queues = Queues()


class WaitResult(msgspec.Struct, frozen=True):
    """The jobs as they are now, in the order asked; `timed_out` when some are not final."""

    jobs: list[Job]
    timed_out: bool = False


class ImportedJob(msgspec.Struct, frozen=True):
    """What became of one job: taken in (`created`), there already, or refused with an error.

    note: what to know of it.
    """

    job: str
    created: bool = False
    note: str | None = None
    error: Error | None = None


class ImportResult(msgspec.Struct, frozen=True):
    """What became of each job, in the order of the request; those that were taken in are on disk."""

    imports: list[ImportedJob]


class Project(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A configured project; `exists` tells whether its directory does. paused_at: since when nothing of it starts."""

    name: str
    path: str
    exists: bool
    agent: str | None = None
    max_running: int | None = None
    running: int = 0
    queued: int = 0
    paused_at: datetime | None = None


class ProjectList(msgspec.Struct, frozen=True):
    """The configured projects by name, and the file they stand in."""

    projects: list[Project]
    config_file: str


class Agent(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """An agent.

    source: built-in or config. path: its program, None when it is not installed. version: what the program says it
    is; None when it is not asked or has not answered yet. problem: why it cannot start, empty when nothing is known.
    """

    name: str
    source: str
    installed: bool
    path: str | None = None
    default: bool = False
    install_hint: str = ""
    version: str | None = None
    problem: str = ""


class AgentList(msgspec.Struct, frozen=True):
    """The agents in the order in which an unnamed one is chosen."""

    agents: list[Agent]


class ReloadResult(msgspec.Struct, frozen=True):
    """The configuration in force; `restart_needed` names settings that apply at the next start only."""

    config_file: str
    projects: int
    agents: int
    restart_needed: list[str] = []


class DaemonInfo(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The daemon: who, where, since when, and how it does. Sizes are bytes, times seconds."""

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


class StopResult(msgspec.Struct, frozen=True):
    """The daemon ends now; so many attempts go on without it."""

    pid: int
    running: int


class Lagged(msgspec.Struct, frozen=True):
    """The stream ended because its reader was too slow; subscribe again after `next`."""

    next: int


class StreamStart(msgspec.Struct, frozen=True):
    """A stream has begun."""


Ok = (
    HelloResult
    | DispatchResult
    | GraphResult
    | JobGraph
    | StatusResult
    | JobPage
    | Output
    | WaitResult
    | JobChange
    | QueueChange
    | ImportResult
    | CleanResult
    | ScheduleResult
    | ScheduleListResult
    | ProjectList
    | AgentList
    | ReloadResult
    | DaemonInfo
    | StopResult
    | StreamStart
)

type_id = int | str | None


class OkFrame(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`{"id": .., "ok": {..}}`"""

    ok: Ok
    id: type_id = None


class ErrorFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "error": {..}}`"""

    error: Error
    id: type_id = None


class EventFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "event": {..}}`"""

    event: Event
    id: type_id = None


class OutputFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "output": {..}}`"""

    output: Output
    id: type_id = None


class EndFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "end": {..}}`"""

    end: FollowEnd
    id: type_id = None


class LaggedFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """`{"id": .., "lagged": {..}}`"""

    lagged: Lagged
    id: type_id = None
