"""Every error that the daemon answers with: its code, what it means, and what to do about it.

docs/errors.md is generated from this catalogue. A code is never renamed: see version.py.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ErrorCode(StrEnum):
    """The `code` of an error answer."""

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


class Meaning(NamedTuple):
    """What an error code means, and the remedy that is right whatever the circumstances."""

    meaning: str
    remedy: str


CATALOGUE: dict[ErrorCode, Meaning] = {
    ErrorCode.BAD_REQUEST: Meaning(
        "The frame is no JSON object of a known op with fields of the right types.",
        "Compare it with the examples in protocol/README.md.",
    ),
    ErrorCode.FRAME_TOO_LARGE: Meaning(
        "A line is longer than 4 MiB. The connection is closed after this answer.",
        "Send one JSON object a line, and put large input into a file that the task names.",
    ),
    ErrorCode.REPLY_TOO_LARGE: Meaning(
        "The answer would be longer than 4 MiB.",
        "Ask for less: a smaller `limit`, `max_bytes` or fewer jobs.",
    ),
    ErrorCode.UNSUPPORTED_VERSION: Meaning(
        "The daemon does not speak the protocol version that `hello` asked for.",
        "Install the same luzia on both sides, then `luzia daemon restart`.",
    ),
    ErrorCode.NOT_ALLOWED: Meaning(
        "The process on the other end of the socket belongs to a user that may not use this daemon.",
        "Run luzia as the daemon's owner, or join the group `luzia` for the system service.",
    ),
    ErrorCode.TOO_MANY_CONNECTIONS: Meaning(
        "All connections that the daemon accepts at once are taken.",
        "Close idle clients, or raise `max_connections` in [daemon].",
    ),
    ErrorCode.TOO_MANY_STREAMS: Meaning(
        "One connection has too many streams and waits open at once.",
        "End some, or open another connection.",
    ),
    ErrorCode.UNKNOWN_PROJECT: Meaning(
        "No project of this name is configured.",
        "See `luzia projects`, add it with `luzia projects add NAME PATH`, or name a directory (`luzia . …`).",
    ),
    ErrorCode.PROJECT_EXISTS: Meaning(
        "A project of this name is configured already.",
        "Choose another name, or remove the old one with `luzia projects remove NAME`.",
    ),
    ErrorCode.PROJECT_DIRECTORY_MISSING: Meaning(
        "The project's directory is not there, is no directory, or cannot be entered.",
        "Create it, or correct the path with `luzia projects remove` and `luzia projects add`.",
    ),
    ErrorCode.UNKNOWN_AGENT: Meaning(
        "No agent of this name is built in or configured.",
        "See `luzia agents`, or describe it in [agents.NAME] of config.toml.",
    ),
    ErrorCode.NO_AGENT: Meaning(
        "No agent was named, none is configured, and no known one is installed.",
        "Use `--agent shell` (the task is a shell command), or install one: claude, codex, opencode, vibe, gemini.",
    ),
    ErrorCode.AGENT_NOT_INSTALLED: Meaning(
        "The agent's program is not on the PATH, or is not executable.",
        "Install it, or correct its command in [agents.NAME] of config.toml.",
    ),
    ErrorCode.UNKNOWN_RESOURCE: Meaning(
        "The job needs a resource that is not configured.",
        "Write it into [resources] of config.toml with how much there is of it, then `luzia daemon reload`.",
    ),
    ErrorCode.NEEDS_TOO_MUCH: Meaning(
        "The job needs more of a resource, of the CPUs or of the memory than there is, so it could never start.",
        "Ask for less, or correct [resources], or `cpus` and `memory_bytes` of [daemon].",
    ),
    ErrorCode.INVALID_TASK: Meaning(
        "The task is empty, has a NUL character, is not UTF-8, or comes with an argv as well.",
        "Give either a task of plain text or an argv.",
    ),
    ErrorCode.TASK_TOO_LARGE: Meaning(
        "The task is larger than 1 MiB.",
        "Put the text into a file in the project, and let the task name it.",
    ),
    ErrorCode.LIMIT_UNAVAILABLE: Meaning(
        "A limit of what the job may use cannot be kept on this machine, so the job is not started without it.",
        "Leave the limit away, or run the daemon where it may use cgroup v2: see docs/limits.md.",
    ),
    ErrorCode.QUEUE_FULL: Meaning(
        "As many jobs are queued as the daemon takes.",
        "Wait for some to end, cancel some, or raise `max_queued` in [daemon].",
    ),
    ErrorCode.GRAPH_CYCLE: Meaning(
        "Jobs wait for one another in a circle, so that none of them could ever start.",
        "Take one of the dependencies that are named out of the circle.",
    ),
    ErrorCode.PARENT_ENDED: Meaning(
        "The job from inside which this one is dispatched is being ended, or was, and its sub-jobs with it.",
        "Dispatch with `--detach` what is to outlive it.",
    ),
    ErrorCode.TOO_DEEP: Meaning(
        "Jobs have dispatched jobs, one inside another, as deep as that may go.",
        "Do the work in this job, dispatch it with `--detach`, or raise `max_sub_job_depth` in [daemon].",
    ),
    ErrorCode.WAITS_FOR_ITSELF: Meaning(
        "A job would wait for ever: for its own end, or for a sub-job that needs a resource which it keeps meanwhile.",
        "Let only one of the two need the resource, or wait with `--timeout`.",
    ),
    ErrorCode.TOO_MANY_SUB_JOBS: Meaning(
        "One job, with all that are below it, has dispatched as many jobs as it may.",
        "Give each more to do, dispatch with `--detach`, or raise `max_sub_jobs` in [daemon].",
    ),
    ErrorCode.JOBS_FULL: Meaning(
        "As many finished jobs are remembered as the daemon keeps; taking in another one would push one out.",
        "Raise `max_jobs` in [daemon] (or LUZIA_MAX_JOBS), or remove some.",
    ),
    ErrorCode.INVALID_JOB: Meaning(
        "A job that was to be imported is not one that a luzia has exported.",
        "Take the line as `luzia export` wrote it.",
    ),
    ErrorCode.INVALID_CRON: Meaning(
        "The cron expression of a schedule cannot be read, or no moment ever fits it.",
        "Write minute, hour, day of the month, month and day of the week, as in `0 3 * * 1-5`; see docs/schedules.md.",
    ),
    ErrorCode.UNKNOWN_TIMEZONE: Meaning(
        "No time zone has this name, or nothing tells the name of the one that holds here.",
        "Name one as the tz database does: `--timezone Europe/Berlin`.",
    ),
    ErrorCode.UNKNOWN_SCHEDULE: Meaning(
        "There is no schedule of this name.",
        "See `luzia schedule list`.",
    ),
    ErrorCode.SCHEDULE_EXISTS: Meaning(
        "There is a schedule of this name already.",
        "Choose another name, or put the new one in its place with `--replace`.",
    ),
    ErrorCode.SCHEDULES_FULL: Meaning(
        "There are as many schedules as the daemon takes.",
        "Remove some with `luzia schedule remove NAME`.",
    ),
    ErrorCode.UNKNOWN_JOB: Meaning(
        "No job has this id.",
        "See `luzia jobs --all`; finished jobs are removed after a while (LUZIA_MAX_JOBS).",
    ),
    ErrorCode.AMBIGUOUS_JOB: Meaning(
        "More than one job's id begins or ends so.",
        "Use more characters of the id.",
    ),
    ErrorCode.JOB_NOT_QUEUED: Meaning(
        "Only a job that waits for its start can be changed.",
        "Cancel it and dispatch another one, or let it end and retry it.",
    ),
    ErrorCode.JOB_NOT_FINAL: Meaning(
        "The job has not ended yet.",
        "Wait for it (`luzia wait ID`), or end it (`luzia cancel ID`).",
    ),
    ErrorCode.JOB_FINAL: Meaning(
        "The job has ended already.",
        "Run it again with `luzia retry ID`.",
    ),
    ErrorCode.JOB_NOT_RUNNING: Meaning(
        "No attempt of the job runs, so it has no progress to report.",
        "Report progress from inside a running job, where LUZIA_JOB_ID names it.",
    ),
    ErrorCode.NO_SESSION: Meaning(
        "The job's agent has no session in which something more could be said.",
        "Dispatch a new job, or run the task again with `luzia retry ID`.",
    ),
    ErrorCode.UNKNOWN_ATTEMPT: Meaning(
        "The job has no attempt of this number.",
        "See `luzia jobs ID` for its attempts.",
    ),
    ErrorCode.JOB_NOT_WAITING: Meaning(
        "The job's agent asks nothing, or not this question any more.",
        "See `luzia jobs --waiting` for the jobs that ask.",
    ),
    ErrorCode.CANNOT_ASK: Meaning(
        "The job is to ask, and its agent cannot be answered.",
        "Use an agent that can (`claude`), or dispatch with `--no-ask`.",
    ),
    ErrorCode.NOT_DELIVERED: Meaning(
        "The answer could not be given to the agent; it still waits.",
        "Try again; when it stays so, end the job with `luzia cancel ID`, and retry it.",
    ),
    ErrorCode.NO_GIT: Meaning(
        "The job wants a git worktree, and git is not on the daemon's PATH.",
        "Install git, or dispatch with `--no-worktree`.",
    ),
    ErrorCode.NO_REPOSITORY: Meaning(
        "The job wants a git worktree, and its directory is in no work tree of a git repository.",
        "Make it one (`git init`, and a first commit), or dispatch with `--no-worktree`.",
    ),
    ErrorCode.NO_WORKTREE: Meaning(
        "The job has no git worktree: it was dispatched without one, has not started yet, or was cleaned.",
        "Dispatch with `--worktree`; see `luzia jobs ID` for the worktree of a job.",
    ),
    ErrorCode.WORKTREE_KEPT: Meaning(
        "The job's git worktree holds work that is nowhere else, so it is not removed.",
        "See `luzia diff ID`; take the work over with `luzia merge ID`, or throw it away with git.",
    ),
    ErrorCode.EVENTS_EXPIRED: Meaning(
        "The events after this seq are no longer kept.",
        "List the jobs again, and subscribe after the `seq` of that answer.",
    ),
    ErrorCode.CONFIG_INVALID: Meaning(
        "The configuration file has mistakes; the old configuration stays in force.",
        "Correct what the message names, then `luzia daemon reload`.",
    ),
    ErrorCode.STORAGE_UNAVAILABLE: Meaning(
        "The job store cannot be written (disk full, or an I/O error). Running agents go on.",
        "Make room on the file system of the state directory; the daemon recovers by itself.",
    ),
    ErrorCode.SHUTTING_DOWN: Meaning(
        "The daemon is ending and takes no more jobs.",
        "Try again in a moment.",
    ),
    ErrorCode.INTERNAL: Meaning(
        "The daemon failed on this request; nothing else is affected.",
        "Look into the daemon's log (`luzia daemon status` names it) and report it.",
    ),
}


class LuziaError(Exception):
    """What everything is that luzia raises on purpose.

    code: one word for programs. message: what is wrong and where. hint: what to do next, which may be empty.
    """

    code: str = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Another process may be told of it."""
        return type(self), (self.message, self.hint)


class Refused(LuziaError):
    """A request cannot be done: carries what the error answer says.

    code: from the catalogue. message: what is wrong and where. hint: what to do next; the catalogue's
    remedy when empty.
    """

    code: ErrorCode

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message, hint or CATALOGUE[code].remedy)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message, self.hint)
