"""The errors that the daemon replies with: their codes, meanings and remedies.

docs/errors.md is generated from this catalogue. A code is never renamed: see version.py.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ErrorCode(StrEnum):
    """The `code` of an error reply."""

    BAD_REQUEST = "bad_request"
    FRAME_TOO_LARGE = "frame_too_large"
    REPLY_TOO_LARGE = "reply_too_large"
    UNSUPPORTED_VERSION = "unsupported_version"
    NOT_ALLOWED = "not_allowed"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_STREAMS = "too_many_streams"
    UNKNOWN_PROJECT = "unknown_project"
    PROJECT_EXISTS = "project_exists"
    PROJECT_DIRECTORY_MISSING = "project_directory_missing"
    UNKNOWN_AGENT = "unknown_agent"
    NO_AGENT = "no_agent"
    AGENT_NOT_INSTALLED = "agent_not_installed"
    UNKNOWN_RESOURCE = "unknown_resource"
    NEEDS_TOO_MUCH = "needs_too_much"
    LIMIT_UNAVAILABLE = "limit_unavailable"
    INVALID_TASK = "invalid_task"
    TASK_TOO_LARGE = "task_too_large"
    QUEUE_FULL = "queue_full"
    GRAPH_CYCLE = "graph_cycle"
    PARENT_ENDED = "parent_ended"
    TOO_DEEP = "too_deep"
    WAITS_FOR_ITSELF = "waits_for_itself"
    TOO_MANY_SUB_JOBS = "too_many_sub_jobs"
    JOBS_FULL = "jobs_full"
    INVALID_JOB = "invalid_job"
    INVALID_CRON = "invalid_cron"
    UNKNOWN_TIMEZONE = "unknown_timezone"
    UNKNOWN_SCHEDULE = "unknown_schedule"
    SCHEDULE_EXISTS = "schedule_exists"
    SCHEDULES_FULL = "schedules_full"
    UNKNOWN_JOB = "unknown_job"
    AMBIGUOUS_JOB = "ambiguous_job"
    JOB_NOT_QUEUED = "job_not_queued"
    JOB_NOT_FINAL = "job_not_final"
    JOB_FINAL = "job_final"
    JOB_NOT_RUNNING = "job_not_running"
    NO_SESSION = "no_session"
    UNKNOWN_ATTEMPT = "unknown_attempt"
    JOB_NOT_WAITING = "job_not_waiting"
    CANNOT_ASK = "cannot_ask"
    NOT_DELIVERED = "not_delivered"
    NO_GIT = "no_git"
    NO_REPOSITORY = "no_repository"
    NO_WORKTREE = "no_worktree"
    WORKTREE_KEPT = "worktree_kept"
    EVENTS_EXPIRED = "events_expired"
    CONFIG_INVALID = "config_invalid"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


class ErrorDescription(NamedTuple):
    """What an error code means, and a remedy that is always applicable."""

    meaning: str
    remedy: str


CATALOGUE: dict[ErrorCode, ErrorDescription] = {
    ErrorCode.BAD_REQUEST: ErrorDescription(
        "The line is not a JSON object with a known `op` and fields of the right types, or a value is out of range.",
        "Compare the request with the examples in protocol/README.md.",
    ),
    ErrorCode.FRAME_TOO_LARGE: ErrorDescription(
        "A line is longer than 4 MiB. The daemon closes the connection after this reply.",
        "Send one JSON object per line, and put large input into a file that the task names.",
    ),
    ErrorCode.REPLY_TOO_LARGE: ErrorDescription(
        "The reply would be longer than 4 MiB.",
        "Request less: a smaller `limit` or `max_bytes`, or fewer jobs.",
    ),
    ErrorCode.UNSUPPORTED_VERSION: ErrorDescription(
        "The daemon does not support the protocol version in `hello`.",
        "Install the same version of luzia on both sides, then run `luzia daemon restart`.",
    ),
    ErrorCode.NOT_ALLOWED: ErrorDescription(
        "The connecting process belongs to a user who may not use this daemon.",
        "Run luzia as the daemon's owner. For the system service, join the group `luzia`.",
    ),
    ErrorCode.TOO_MANY_CONNECTIONS: ErrorDescription(
        "The daemon has reached its limit of open connections.",
        "Close idle clients, or raise `max_connections` in [daemon].",
    ),
    ErrorCode.TOO_MANY_STREAMS: ErrorDescription(
        "The connection has reached its limit of open streams and waits.",
        "Close some, or open another connection.",
    ),
    ErrorCode.UNKNOWN_PROJECT: ErrorDescription(
        "No project with this name is configured, and none that has jobs.",
        "List the projects with `luzia projects`, add one with `luzia projects add NAME PATH`, or pass a "
        "directory (`luzia . …`).",
    ),
    ErrorCode.PROJECT_EXISTS: ErrorDescription(
        "A project with this name is already configured.",
        "Choose another name, or remove the project with `luzia projects remove NAME`.",
    ),
    ErrorCode.PROJECT_DIRECTORY_MISSING: ErrorDescription(
        "The project's directory does not exist, is not a directory, or is not accessible.",
        "Create it, or correct the path with `luzia projects remove` and `luzia projects add`.",
    ),
    ErrorCode.UNKNOWN_AGENT: ErrorDescription(
        "No agent with this name is built in or configured.",
        "List the agents with `luzia agents`, or define the agent in [agents.NAME] of config.toml.",
    ),
    ErrorCode.NO_AGENT: ErrorDescription(
        "The request names no agent, no default agent is configured, and no known agent is installed.",
        "Use `--agent shell` (the task is a shell command), or install claude, codex, opencode, vibe or gemini.",
    ),
    ErrorCode.AGENT_NOT_INSTALLED: ErrorDescription(
        "The agent's program is not on the PATH or is not executable.",
        "Install it, or correct its command in [agents.NAME] of config.toml.",
    ),
    ErrorCode.UNKNOWN_RESOURCE: ErrorDescription(
        "The job needs a resource that is not configured.",
        "Add the resource and its amount to [resources] in config.toml, then run `luzia daemon reload`.",
    ),
    ErrorCode.NEEDS_TOO_MUCH: ErrorDescription(
        "The job needs more of a resource, CPUs or memory than exists, so it could never start.",
        "Request less, or correct [resources], or `cpus` and `memory_bytes` in [daemon].",
    ),
    ErrorCode.INVALID_TASK: ErrorDescription(
        "The task is empty, contains a NUL character, is not UTF-8, or is given together with a command.",
        "Pass either a task of plain text or a command.",
    ),
    ErrorCode.TASK_TOO_LARGE: ErrorDescription(
        "The task is larger than 1 MiB.",
        "Write the text to a file in the project, and name the file in the task.",
    ),
    ErrorCode.LIMIT_UNAVAILABLE: ErrorDescription(
        "A limit on the job's resources cannot be enforced on this machine, so the job is refused.",
        "Omit the limit, or run the daemon where it can use cgroup v2: see docs/limits.md.",
    ),
    ErrorCode.QUEUE_FULL: ErrorDescription(
        "The queue has reached its limit.",
        "Wait for jobs to end, cancel some, or raise `max_queued` in [daemon].",
    ),
    ErrorCode.GRAPH_CYCLE: ErrorDescription(
        "The jobs depend on one another in a cycle, so none of them could ever start.",
        "Remove one of the dependencies in the message.",
    ),
    ErrorCode.PARENT_ENDED: ErrorDescription(
        "The parent job was cancelled or ended by a limit, and its sub-jobs with it.",
        "Use `--detach` to dispatch a job that outlives its parent.",
    ),
    ErrorCode.TOO_DEEP: ErrorDescription(
        "Sub-jobs are nested to the maximum depth.",
        "Do the work in this job, dispatch with `--detach`, or raise `max_sub_job_depth` in [daemon].",
    ),
    ErrorCode.WAITS_FOR_ITSELF: ErrorDescription(
        "The job would wait forever: for its own end, or for a sub-job that needs a resource the job holds.",
        "Let only one of the two jobs need the resource, or wait with `--timeout`.",
    ),
    ErrorCode.TOO_MANY_SUB_JOBS: ErrorDescription(
        "The job and its sub-jobs have dispatched the maximum number of jobs.",
        "Give each sub-job more to do, dispatch with `--detach`, or raise `max_sub_jobs` in [daemon].",
    ),
    ErrorCode.JOBS_FULL: ErrorDescription(
        "The daemon keeps the maximum number of finished jobs; an import would remove others.",
        "Raise `max_jobs` in [daemon] (or LUZIA_MAX_JOBS), or remove some jobs.",
    ),
    ErrorCode.INVALID_JOB: ErrorDescription(
        "The job to import was not exported by luzia.",
        "Use the line as `luzia export` wrote it.",
    ),
    ErrorCode.INVALID_CRON: ErrorDescription(
        "The cron expression is invalid, or never matches.",
        "Write minute, hour, day of the month, month and day of the week, as in `0 3 * * 1-5`; see docs/schedules.md.",
    ),
    ErrorCode.UNKNOWN_TIMEZONE: ErrorDescription(
        "The time zone does not exist, or the name of the local time zone cannot be determined.",
        "Pass a name from the tz database: `--timezone Europe/Berlin`.",
    ),
    ErrorCode.UNKNOWN_SCHEDULE: ErrorDescription(
        "No schedule has this name.",
        "List the schedules with `luzia schedule list`.",
    ),
    ErrorCode.SCHEDULE_EXISTS: ErrorDescription(
        "A schedule with this name already exists.",
        "Choose another name, or replace the schedule with `--replace`.",
    ),
    ErrorCode.SCHEDULES_FULL: ErrorDescription(
        "The daemon has the maximum number of schedules.",
        "Remove some with `luzia schedule remove NAME`.",
    ),
    ErrorCode.UNKNOWN_JOB: ErrorDescription(
        "No job has this id.",
        "List the jobs with `luzia jobs --all`; the oldest finished jobs are removed (LUZIA_MAX_JOBS).",
    ),
    ErrorCode.AMBIGUOUS_JOB: ErrorDescription(
        "More than one job id begins or ends with this text.",
        "Use more characters of the id.",
    ),
    ErrorCode.JOB_NOT_QUEUED: ErrorDescription(
        "Only a queued job can be edited or held.",
        "Cancel it and dispatch another job, or let it end and retry it.",
    ),
    ErrorCode.JOB_NOT_FINAL: ErrorDescription(
        "The job has not finished.",
        "Wait for it (`luzia wait ID`), or cancel it (`luzia cancel ID`).",
    ),
    ErrorCode.JOB_FINAL: ErrorDescription(
        "The job has already finished.",
        "Run it again with `luzia retry ID`.",
    ),
    ErrorCode.JOB_NOT_RUNNING: ErrorDescription(
        "No attempt of the job is running.",
        "Report progress from inside a running job, where LUZIA_JOB_ID is its id.",
    ),
    ErrorCode.NO_SESSION: ErrorDescription(
        "The job has no agent session that could be resumed.",
        "Dispatch a new job, or run the task again with `luzia retry ID`.",
    ),
    ErrorCode.UNKNOWN_ATTEMPT: ErrorDescription(
        "The job has no attempt with this number.",
        "List its attempts with `luzia jobs ID`.",
    ),
    ErrorCode.JOB_NOT_WAITING: ErrorDescription(
        "The job's agent is not waiting for an answer, or no longer to this question.",
        "List the waiting jobs with `luzia jobs --waiting`.",
    ),
    ErrorCode.CANNOT_ASK: ErrorDescription(
        "The job was dispatched with `--ask`, but its agent does not support questions.",
        "Use an agent that does (`claude`), or dispatch with `--no-ask`.",
    ),
    ErrorCode.NOT_DELIVERED: ErrorDescription(
        "The answer could not be delivered to the agent, which is still waiting.",
        "Try again. If that fails too, cancel the job with `luzia cancel ID` and retry it.",
    ),
    ErrorCode.NO_GIT: ErrorDescription(
        "The job needs a git worktree, but git is not on the daemon's PATH.",
        "Install git, or dispatch with `--no-worktree`.",
    ),
    ErrorCode.NO_REPOSITORY: ErrorDescription(
        "The job needs a git worktree, but its directory is not in a git repository.",
        "Create one (`git init` and a first commit), or dispatch with `--no-worktree`.",
    ),
    ErrorCode.NO_WORKTREE: ErrorDescription(
        "The job has no git worktree: it was dispatched without one, has not started, or was cleaned.",
        "Dispatch with `--worktree`; `luzia jobs ID` shows the worktree of a job.",
    ),
    ErrorCode.WORKTREE_KEPT: ErrorDescription(
        "The job's git worktree contains work that exists nowhere else, so it is kept.",
        "Review it with `luzia diff ID`, and merge it with `luzia merge ID` or discard it with git.",
    ),
    ErrorCode.EVENTS_EXPIRED: ErrorDescription(
        "The events after this `seq` are no longer stored.",
        "List the jobs again, and subscribe after the `seq` of that reply.",
    ),
    ErrorCode.CONFIG_INVALID: ErrorDescription(
        "The configuration file is invalid; the previous configuration stays in force.",
        "Correct the errors in the message, then run `luzia daemon reload`.",
    ),
    ErrorCode.STORAGE_UNAVAILABLE: ErrorDescription(
        "The job store cannot be written (disk full or I/O error). Running agents continue.",
        "Free space on the file system of the state directory; the daemon recovers automatically.",
    ),
    ErrorCode.SHUTTING_DOWN: ErrorDescription(
        "The daemon is shutting down and accepts no jobs.",
        "Try again in a few seconds.",
    ),
    ErrorCode.INTERNAL: ErrorDescription(
        "The daemon failed to process this request; nothing else is affected.",
        "Report it with the traceback in the daemon's log (`luzia daemon status` shows the file).",
    ),
}


class LuziaError(Exception):
    """The base class of luzia's exceptions.

    code: one word for programs. message: what is wrong and where. hint: what to do next, possibly empty.
    """

    code: str = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, so that the exception can cross processes."""
        return type(self), (self.message, self.hint)


class Refused(LuziaError):
    """The daemon refuses a request.

    code: from the catalogue. message: what is wrong and where. hint: what to do next; empty takes the catalogue's
    remedy.
    """

    code: ErrorCode

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message, hint or CATALOGUE[code].remedy)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message, self.hint)
