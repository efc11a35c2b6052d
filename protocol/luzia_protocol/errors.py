"""The errors that the daemon replies with: their codes, meanings and remedies.

docs/errors.md is generated from this module. A code is never renamed: see version.py.
"""

from __future__ import annotations

from enum import StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class ErrorCode(StrEnum):
    """The `code` of an error reply."""

    BAD_REQUEST = "bad_request"
    """The line is not a JSON object with a known `op` and fields of the right types, or a value is out of range."""
    FRAME_TOO_LARGE = "frame_too_large"
    """A line is longer than 4 MiB. The daemon closes the connection after this reply."""
    REPLY_TOO_LARGE = "reply_too_large"
    """The reply would be longer than 4 MiB."""
    UNSUPPORTED_VERSION = "unsupported_version"
    """The daemon does not support the protocol version in `hello`."""
    NOT_ALLOWED = "not_allowed"
    """The connecting process belongs to a user who may not use this daemon."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    """The daemon has reached its limit of open connections."""
    TOO_MANY_STREAMS = "too_many_streams"
    """The connection has reached its limit of open streams and waits."""
    UNKNOWN_STREAM = "unknown_stream"
    """The connection has no open stream or wait with this request id: it has ended, or never began."""
    OVERLOADED = "overloaded"
    """The daemon has reached its memory limit for clients. It may close the connection after this reply."""
    UNKNOWN_PROJECT = "unknown_project"
    """No project with this name is configured, and no job belongs to one."""
    PROJECT_EXISTS = "project_exists"
    """A project with this name is already configured."""
    PROJECT_DIRECTORY_MISSING = "project_directory_missing"
    """The project's directory does not exist, is not a directory, or is not accessible."""
    UNKNOWN_AGENT = "unknown_agent"
    """No agent with this name is built in or configured."""
    NO_AGENT = "no_agent"
    """The request names no agent, no default agent is configured, and no known agent is installed."""
    AGENT_NOT_INSTALLED = "agent_not_installed"
    """The agent's program is not on the PATH or is not executable."""
    UNKNOWN_RESOURCE = "unknown_resource"
    """The job needs a resource that is not configured."""
    NEEDS_TOO_MUCH = "needs_too_much"
    """The job needs more of a resource, CPUs or memory than exists, so it could never start."""
    UNKNOWN_EXECUTOR = "unknown_executor"
    """The executor is neither `local` nor in [executors], or luziad has not been restarted since it was added."""
    EXECUTOR_UNAVAILABLE = "executor_unavailable"
    """The executor's cluster cannot be used, and waiting will not help."""
    INVALID_TASK = "invalid_task"
    """The task is empty, contains a NUL character, is not UTF-8, or is given together with a command."""
    TASK_TOO_LARGE = "task_too_large"
    """The task is larger than 1 MiB."""
    LIMIT_UNAVAILABLE = "limit_unavailable"
    """A limit on the job's resources cannot be enforced on this machine, so the job is refused."""
    QUEUE_FULL = "queue_full"
    """The queue has reached its limit."""
    GRAPH_CYCLE = "graph_cycle"
    """The jobs depend on one another in a cycle, so none of them could ever start."""
    PARENT_ENDED = "parent_ended"
    """The parent job was cancelled or ended by a limit, and its sub-jobs with it."""
    TOO_DEEP = "too_deep"
    """Sub-jobs are nested to the maximum depth."""
    WAITS_FOR_ITSELF = "waits_for_itself"
    """The job would wait forever: for its own end, or for a sub-job that needs a resource the job holds."""
    TOO_MANY_SUB_JOBS = "too_many_sub_jobs"
    """The job and its sub-jobs have dispatched the maximum number of jobs."""
    BUDGET_SPENT = "budget_spent"
    """The dispatching job or one of its ancestors has spent its budget, which includes the cost of its sub-jobs."""
    JOBS_FULL = "jobs_full"
    """The daemon keeps the maximum number of finished jobs; an import would remove others."""
    INVALID_JOB = "invalid_job"
    """The job to import was not exported by luzia."""
    INVALID_CRON = "invalid_cron"
    """The cron expression is invalid, or never matches."""
    UNKNOWN_TIMEZONE = "unknown_timezone"
    """The time zone does not exist, or the name of the local time zone cannot be determined."""
    UNKNOWN_SCHEDULE = "unknown_schedule"
    """No schedule has this name."""
    SCHEDULE_EXISTS = "schedule_exists"
    """A schedule with this name already exists."""
    SCHEDULES_FULL = "schedules_full"
    """The daemon has the maximum number of schedules."""
    UNKNOWN_JOB = "unknown_job"
    """No job has this id."""
    AMBIGUOUS_JOB = "ambiguous_job"
    """More than one job id begins or ends with this text."""
    JOB_NOT_QUEUED = "job_not_queued"
    """Only a queued job can be edited or held."""
    JOB_NOT_FINAL = "job_not_final"
    """The job has not finished."""
    JOB_FINAL = "job_final"
    """The job has already finished."""
    DEPENDENCY_FAILED = "dependency_failed"
    """A job that this one depends on has ended in such a way that this one cannot run."""
    JOB_NOT_RUNNING = "job_not_running"
    """No attempt of the job is running."""
    NO_SESSION = "no_session"
    """The job has no agent session that could be resumed."""
    CANNOT_ATTACH = "cannot_attach"
    """The job's agent session cannot be used in the caller's terminal."""
    JOB_ATTACHED = "job_attached"
    """The job is attached: a user is working in its agent's session in a terminal."""
    NOT_ATTACHED = "not_attached"
    """The job is not attached."""
    UNKNOWN_ATTEMPT = "unknown_attempt"
    """The job has no attempt with this number."""
    OUTPUT_GONE = "output_gone"
    """The directory with the output of the attempt does not exist any more."""
    JOB_NOT_WAITING = "job_not_waiting"
    """The job's agent is not waiting for an answer, or no longer for one to this question."""
    CANNOT_ASK = "cannot_ask"
    """The job was dispatched with `--ask`, but its agent does not support questions."""
    UNSUPPORTED_OPTION = "unsupported_option"
    """The job's agent has no model, arguments or permission mode of this kind."""
    NOT_DELIVERED = "not_delivered"
    """The answer could not be delivered to the agent, which is still waiting."""
    NO_GIT = "no_git"
    """The job needs a git worktree, but git is not on the PATH of the job."""
    NO_REPOSITORY = "no_repository"
    """The job needs a git worktree, but its directory is not in a git repository."""
    NO_WORKTREE = "no_worktree"
    """The job has no git worktree: it was dispatched without one, has not started, or was cleaned."""
    NO_REVIEW = "no_review"
    """The job was not dispatched with `review`, or has not completed, so there is nothing to accept or reject."""
    REVIEW_WANTED = "review_wanted"
    """The job cannot be removed: a person has not yet accepted or rejected its work."""
    ALREADY_ACCEPTED = "already_accepted"
    """The work of the job has been accepted, and jobs that depend on it may have started."""
    NOTHING_DISCARDED = "nothing_discarded"
    """No discarded work of the job is kept: none was discarded, or it was restored or deleted since."""
    WORKTREE_KEPT = "worktree_kept"
    """The job's git worktree contains work that exists nowhere else, so it is kept."""
    EVENTS_EXPIRED = "events_expired"
    """Some events after this `seq` are no longer stored; all events from `oldest_seq` on are available."""
    CONFIG_INVALID = "config_invalid"
    """The configuration file is invalid; the previous configuration stays in force."""
    OUTPUT_UNREADABLE = "output_unreadable"
    """The output of the attempt cannot be read: the job has replaced its file or directory, or the disk has failed."""
    STORAGE_UNAVAILABLE = "storage_unavailable"
    """The job store cannot be written (disk full or I/O error). Running agents continue."""
    SHUTTING_DOWN = "shutting_down"
    """The daemon is shutting down and accepts no jobs."""
    INTERNAL = "internal"
    """The daemon failed to process this request; nothing else is affected."""


REMEDIES: dict[ErrorCode, str] = {
    ErrorCode.BAD_REQUEST: "Correct the request; `luzia help protocol` names the page with an example of each.",
    ErrorCode.FRAME_TOO_LARGE: (
        "Send one JSON object per line. Send a large graph in parts (`graph_part`), and put large input into a file "
        "that a task names."
    ),
    ErrorCode.REPLY_TOO_LARGE: "Request less: a smaller `limit` or `max_bytes`, or fewer jobs.",
    ErrorCode.UNSUPPORTED_VERSION: "Install the same version of luzia on both sides, then run `luzia daemon restart`.",
    ErrorCode.NOT_ALLOWED: "Run luzia as the daemon's owner. For the system service, join the group `luzia`.",
    ErrorCode.TOO_MANY_CONNECTIONS: "Close idle clients, or raise `max_connections` in [daemon].",
    ErrorCode.TOO_MANY_STREAMS: "End one with the op `unsubscribe`, or open another connection.",
    ErrorCode.UNKNOWN_STREAM: "Send `unsubscribe` on the stream's own connection, with the `id` of its request.",
    ErrorCode.OVERLOADED: "Try again later, read replies as they come, and close clients that ask for much.",
    ErrorCode.UNKNOWN_PROJECT: (
        "List the projects with `luzia projects`, add one with `luzia projects add NAME PATH`, or pass a directory "
        "(`luzia . …`)."
    ),
    ErrorCode.PROJECT_EXISTS: "Choose another name, or remove the project with `luzia projects remove NAME`.",
    ErrorCode.PROJECT_DIRECTORY_MISSING: (
        "Create it, or correct the path; that of a project with `luzia projects remove` and `luzia projects add`."
    ),
    ErrorCode.UNKNOWN_AGENT: (
        "List the agents with `luzia agents`, or define the agent in [agents.NAME] of config.toml."
    ),
    ErrorCode.NO_AGENT: (
        "Use `--agent shell` (the task is a shell command), or install claude, codex, opencode, vibe or gemini."
    ),
    ErrorCode.AGENT_NOT_INSTALLED: "Install it, or correct its command in [agents.NAME] of config.toml.",
    ErrorCode.UNKNOWN_RESOURCE: (
        "Add the resource and its amount to [resources] in config.toml, then run `luzia daemon reload`."
    ),
    ErrorCode.NEEDS_TOO_MUCH: "Request less, or correct [resources], or `cpus` and `memory_bytes` in [daemon].",
    ErrorCode.UNKNOWN_EXECUTOR: "Correct the name, or add [executors.NAME] to config.toml and restart luziad.",
    ErrorCode.EXECUTOR_UNAVAILABLE: (
        "Run `luzia doctor` to see what is wrong with the cluster, or run the job on this machine with `--on local`."
    ),
    ErrorCode.INVALID_TASK: "Pass either a task of plain text or a command.",
    ErrorCode.TASK_TOO_LARGE: "Write the text to a file in the project, and name the file in the task.",
    ErrorCode.LIMIT_UNAVAILABLE: (
        "Omit the limit, or run the daemon where it can use cgroup v2, as the system service does."
    ),
    ErrorCode.QUEUE_FULL: "Wait for jobs to end, cancel some, or raise `max_queued` in [daemon].",
    ErrorCode.GRAPH_CYCLE: "Remove one of the dependencies in the message.",
    ErrorCode.PARENT_ENDED: "Use `--detach` to dispatch a job that outlives its parent.",
    ErrorCode.TOO_DEEP: "Do the work in this job, dispatch with `--detach`, or raise `max_sub_job_depth` in [daemon].",
    ErrorCode.WAITS_FOR_ITSELF: "Let only one of the two jobs need the resource, or wait with `--timeout`.",
    ErrorCode.TOO_MANY_SUB_JOBS: (
        "Give each sub-job more to do, dispatch with `--detach`, or raise `max_sub_jobs` in [daemon]."
    ),
    ErrorCode.BUDGET_SPENT: "Finish without further sub-jobs, dispatch with `--detach`, or raise `max_cost_usd`.",
    ErrorCode.JOBS_FULL: "Raise `max_jobs` in [daemon] (or LUZIA_MAX_JOBS), or remove some jobs.",
    ErrorCode.INVALID_JOB: "Use the line as `luzia export` wrote it.",
    ErrorCode.INVALID_CRON: ("Write minute, hour, day of the month, month and day of the week, as in `0 3 * * 1-5`."),
    ErrorCode.UNKNOWN_TIMEZONE: "Pass a name from the tz database: `--timezone Europe/Berlin`.",
    ErrorCode.UNKNOWN_SCHEDULE: "List the schedules with `luzia schedule list`.",
    ErrorCode.SCHEDULE_EXISTS: "Choose another name, or replace the schedule with `--replace`.",
    ErrorCode.SCHEDULES_FULL: "Remove some with `luzia schedule remove NAME`.",
    ErrorCode.UNKNOWN_JOB: (
        "List the jobs with `luzia jobs --all`; the oldest finished jobs are removed (LUZIA_MAX_JOBS)."
    ),
    ErrorCode.AMBIGUOUS_JOB: "Use more characters of the id.",
    ErrorCode.JOB_NOT_QUEUED: "Cancel it and dispatch another job, or let it end and retry it.",
    ErrorCode.JOB_NOT_FINAL: "Wait for it (`luzia wait ID`), or cancel it (`luzia cancel ID`).",
    ErrorCode.JOB_FINAL: "Run it again with `luzia retry ID`.",
    ErrorCode.DEPENDENCY_FAILED: "Run that job again first with `luzia retry ID`.",
    ErrorCode.JOB_NOT_RUNNING: "Show its state with `luzia jobs ID`.",
    ErrorCode.NO_SESSION: "Dispatch a new job, or run the task again with `luzia retry ID`.",
    ErrorCode.CANNOT_ATTACH: "Send the agent a message with `luzia send ID TEXT` instead, or see `luzia help attach`.",
    ErrorCode.JOB_ATTACHED: "Wait until the user leaves, or let the job continue in the background: `luzia detach ID`.",
    ErrorCode.NOT_ATTACHED: "Show its state with `luzia jobs ID`.",
    ErrorCode.UNKNOWN_ATTEMPT: "List its attempts with `luzia jobs ID`.",
    ErrorCode.OUTPUT_GONE: "If it was moved, move it back; otherwise run the job again with `luzia retry ID`.",
    ErrorCode.JOB_NOT_WAITING: "List the waiting jobs with `luzia jobs --waiting`.",
    ErrorCode.CANNOT_ASK: "Use an agent that does (`claude`), or dispatch with `--no-ask`.",
    ErrorCode.UNSUPPORTED_OPTION: "Omit it, or use another agent; `luzia agents` lists them.",
    ErrorCode.NOT_DELIVERED: "Try again. If that fails too, cancel the job with `luzia cancel ID` and retry it.",
    ErrorCode.NO_GIT: "Install git, or dispatch with `--no-worktree`.",
    ErrorCode.NO_REPOSITORY: "Create one (`git init` and a first commit), or dispatch with `--no-worktree`.",
    ErrorCode.NO_WORKTREE: "Dispatch with `--worktree`; `luzia jobs ID` shows the worktree of a job.",
    ErrorCode.NO_REVIEW: "Run `luzia jobs ID` to see its state; `--review` dispatches a job whose work is reviewed.",
    ErrorCode.REVIEW_WANTED: "Accept it (`luzia accept ID`) or reject it (`luzia reject ID`), then remove it.",
    ErrorCode.ALREADY_ACCEPTED: "Cancel the jobs that depend on it (`luzia graph show ID` lists them).",
    ErrorCode.NOTHING_DISCARDED: "Run `luzia jobs ID`, which shows discarded work and how long it is kept.",
    ErrorCode.WORKTREE_KEPT: (
        "Review it with `luzia diff ID`, and merge it with `luzia merge ID` or discard it with `luzia discard ID`."
    ),
    ErrorCode.EVENTS_EXPIRED: "List the jobs again, and subscribe after the `seq` of that reply.",
    ErrorCode.CONFIG_INVALID: "Correct the errors in the message, then run `luzia daemon reload`.",
    ErrorCode.OUTPUT_UNREADABLE: "Check the job's directory: `luzia open --logs ID`.",
    ErrorCode.STORAGE_UNAVAILABLE: (
        "Free space on the file system of the state directory; the daemon recovers automatically."
    ),
    ErrorCode.SHUTTING_DOWN: "Try again in a few seconds.",
    ErrorCode.INTERNAL: "Report it with the traceback in the daemon's log (`luzia daemon status` shows the file).",
}
"""What to do about each error: the default hint of an error reply."""


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

    message: what is wrong and where. hint: what to do next; empty takes the remedy of the code.
    of_jobs: for a graph, what is wrong with each of its jobs, by name.
    oldest_seq: with EVENTS_EXPIRED, the seq from which on all events are stored; None if unknown.
    """

    code: ErrorCode

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        hint: str = "",
        of_jobs: Mapping[str, Refused] | None = None,
        oldest_seq: int | None = None,
    ) -> None:
        super().__init__(message, hint or _remedy(code, message))
        self.code = code
        self.of_jobs: Mapping[str, Refused] = of_jobs or {}
        self.oldest_seq = oldest_seq

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message, self.hint, self.of_jobs, self.oldest_seq)


def _remedy(code: ErrorCode, message: str) -> str:
    """The remedy of a code; instead of ID it has the id of the job that the message names, if it names only one."""
    words = {word.rstrip(":,;") for word in message.split()}
    named = [word for word in words if len(word) > 10 and word[6] == "-" and word[:6].isdigit()]
    return REMEDIES[code].replace(" ID`", f" {named[0]}`") if len(named) == 1 else REMEDIES[code]
