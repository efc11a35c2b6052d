"""Jobs on the wire. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from luzia_protocol.activity import Activity, Question
from luzia_protocol.states import FINAL_STATES as FINAL_STATES
from luzia_protocol.states import JobState as JobState

MAX_TASK_BYTES = 1024 * 1024
MAX_PRIORITY = 100
MAX_CPUS = 10_000
MAX_COLLISION_FILES = 20
LIST_TASK_CHARS = 256
"""Lists have only the first characters of a task, so that a page fits a frame; `status` has all of it."""


SortKey = Literal["turn", "created", "started", "ended", "duration", "cost", "priority", "project", "agent", "state"]
"""One of SORT_KEYS in states.py, as a type."""


class Outcome(StrEnum):
    """How an attempt ended, in more detail than the job's final state (see OUTCOME_STATES)."""

    COMPLETED = "completed"
    FAILED = "failed"
    START_FAILED = "start_failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    LOST = "lost"
    STALLED = "stalled"
    """It was without activity for too long."""
    EXPIRED = "expired"
    """It did not start in time."""
    OVERDUE = "overdue"
    """The job's attempts together took too long."""
    USAGE_LIMITED = "usage_limited"
    """The agent's account has reached its usage limit."""
    OVER_BUDGET = "over_budget"
    """It exceeded the job's budget."""


OUTCOME_STATES = {
    Outcome.COMPLETED: JobState.COMPLETED,
    Outcome.FAILED: JobState.FAILED,
    Outcome.START_FAILED: JobState.FAILED,
    Outcome.CANCELLED: JobState.CANCELLED,
    Outcome.TIMED_OUT: JobState.TIMED_OUT,
    Outcome.SKIPPED: JobState.SKIPPED,
    Outcome.LOST: JobState.LOST,
    Outcome.STALLED: JobState.TIMED_OUT,
    Outcome.EXPIRED: JobState.TIMED_OUT,
    Outcome.OVERDUE: JobState.TIMED_OUT,
    Outcome.USAGE_LIMITED: JobState.FAILED,
    Outcome.OVER_BUDGET: JobState.FAILED,
}


MAX_RETRIES = 100
RETRYABLE = (Outcome.FAILED, Outcome.START_FAILED, Outcome.TIMED_OUT, Outcome.STALLED, Outcome.LOST)
"""The outcomes that can be retried automatically."""


class Review(StrEnum):
    """What a person has decided about the work of a job that was dispatched with `review`, or of a racer."""

    WANTED = "wanted"
    """Nothing yet. When a job with `review` has completed, the jobs that depend on it wait for the decision."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Progress(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """The progress of a running attempt, as far as it is known.

    percent: 0 to 99 while the attempt runs, 100 only after a verified end; None without a total.
    done, total: the numbers of which the percentage was computed.
    label: what the numbers count, or what the job reports.
    phase: the agent's current activity ("tool Bash").
    """

    percent: int | None = None
    done: float | None = None
    total: float | None = None
    label: str | None = None
    phase: str | None = None


class Usage(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """The resource usage of an ended attempt: CPU seconds (user, system) and peak memory in bytes, from wait4(2)."""

    user_s: float | None = None
    system_s: float | None = None
    max_rss_bytes: int | None = None


class Worktree(msgspec.Struct, frozen=True, gc=False):
    """The git worktree of a job.

    path: its directory. directory: where the job runs in it, below `path` if the project is part of a repository.
    branch: the branch created for it. base: the commit at which it began.
    onto: the branch that was checked out in the project; None for a detached HEAD.
    repository: the work tree of the project. dirty: that had uncommitted changes, which the job's worktree does not
    have.
    """

    path: str
    directory: str
    branch: str
    base: str
    onto: str | None
    repository: str
    dirty: bool = False


def branch_of_job(job: str) -> str:
    """The branch that is created for the worktree of a job. job: its id."""
    return f"luzia/{job}"


class Collision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Another job whose worktree changes the same files of the same repository.

    files: the first MAX_COLLISION_FILES of them; file_count: their number. merges: whether git can merge the work of
    both, None if that is not known. conflicts: the first files that git cannot merge.
    """

    job: str
    files: list[str]
    file_count: int
    merges: bool | None = None
    conflicts: list[str] = []


class DiscardedWork(msgspec.Struct, frozen=True, gc=False):
    """The copy of work that was discarded.

    worktree: where it was. commit: the commit that has all of it, at refs/luzia/discarded/ID of the repository.
    kept_until: the time of its deletion, by the wall clock at the discard.
    """

    worktree: Worktree
    commit: str
    kept_until: datetime


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The interactive use of a job's session in a terminal.

    user: the name of the user. pid: the process in the terminal. since: when it began. then: what follows, as in the
    request `attach`.
    """

    user: str
    pid: int
    since: datetime
    then: str = "end"


class Attempt(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """One run of a job's command. Times are aware; `exit_code` and `signal` exclude each other.

    activity: the short form; None when its output is not read.
    session, message: for a resumed session, its id and the beginning of the message sent to it.
    lost_bytes: how much of its stdout is gone because the job has truncated it, as `> /dev/stderr` does; at least.
    attached: who used the session in a terminal; None for an attempt in the background. It has no recorded output.
    """

    number: int
    starting_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    pid: int | None = None
    exit_code: int | None = None
    signal: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    duration_s: float | None = None
    usage: Usage | None = None
    activity: Activity | None = None
    session: str | None = None
    message: str | None = None
    lost_bytes: int = 0
    attached: Attachment | None = None


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """When a job may run, and how often, as dispatched; None is unspecified.

    not_before: earliest start of any attempt. retries: how many attempts may follow the first automatically, up to
    MAX_RETRIES. retry_on: the outcomes that are retried, of RETRYABLE. backoff_s: the delay before the first retry, and
    the
    longest delay. expires_s: seconds within which the first attempt must start. job_timeout_s: time limit of all
    attempts
    and the delays between them. auto_resume: resume after a usage limit ends. max_cost_usd, max_turns: limits on all
    attempts together: the cost by the agent's own estimate, and the turns of the model. start_in_s: the delay that was
    requested; not_before has the resulting time.
    """

    not_before: datetime | None = None
    retries: int | None = None
    retry_on: list[Outcome] | None = None
    backoff_s: list[float] | None = None
    expires_s: float | None = None
    job_timeout_s: float | None = None
    auto_resume: bool | None = None
    max_cost_usd: float | None = None
    max_turns: int | None = None
    start_in_s: float | None = None


NO_TERMS = Terms()


class Bounds(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Limits on all processes of an attempt together; None is no limit.

    max_cpus: processors; 1.5 is one and a half.
    """

    max_memory_bytes: int | None = None
    max_processes: int | None = None
    max_cpus: float | None = None


class LaunchOptions(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How a job's attempts are launched, as dispatched.

    worktree: in a git worktree of the job. ask: the agent may ask questions and wait for the answers.
    system_prompt: text to add to the agent's system prompt.
    model, permission_mode, args: of the agent, as dispatched.
    base, with_work: at what the worktree begins, as dispatched.
    """

    worktree: bool = False
    ask: bool = False
    system_prompt: str = ""
    model: str | None = None
    permission_mode: str | None = None
    args: list[str] = []
    base: str | None = None
    with_work: bool = False


class Budget(msgspec.Struct, frozen=True, gc=False):
    """Limits on all attempts of a job together; None is no limit. See Terms.

    The cost of sub-jobs counts, too. cost_left_usd: what the job and its sub-jobs may still cost, by its own limit and
    by those of the jobs that dispatched it; None is no limit.
    """

    max_cost_usd: float | None = None
    max_turns: int | None = None
    cost_left_usd: float | None = None


class Race(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The race that a job is part of: the same task for several agents or models, each in its own worktree.

    id: the same for all jobs of a race, which also have it as the tag `race`. check: the job is no racer, but runs the
    project's verification of the racer that it depends on, which is its tag `verify`; its worktree is removed at its
    end.
    first: the first of these checks that completes ends the other jobs of the race.
    """

    id: str
    check: bool = False
    first: bool = False


class RunOf(msgspec.Struct, frozen=True, gc=False):
    """The schedule that dispatched a job, and the time of the run, in the schedule's zone."""

    schedule: str
    at: datetime


class Job(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A job as `status`, `list` and `--json` show it.

    task: the text that the user typed; in lists its first LIST_TASK_CHARS characters (`task_bytes` is its full size).
    argv: the command of `run` jobs, otherwise None.
    reason: why it is in its state, in words: why it waits, or how it failed.
    attempt: number of the newest attempt, 0 before the first.
    duration_s: seconds that the newest ended attempt ran, on a steady clock.
    env_names: names, never values, of the variables that were set for this job.
    attempts: every attempt, oldest first; empty in lists.
    directory: the job's directory with its output, once it exists; None in lists.
    not_before: earliest start of its next attempt.
    activity: that of the newest attempt; in lists the short form.
    terms: start time, retries, deadlines and budget, as dispatched.
    bounds: limits on its attempts.
    tags: its labels. node: its name, given at its dispatch or in the graph with which it was dispatched.
    after, after_any, after_fail: ids of the jobs that must complete, finish, or fail before it starts.
    stall_timeout_s: seconds that an attempt may be without activity, if set for this job.
    worktree: its git worktree, from its creation until it is cleaned.
    priority: -MAX_PRIORITY to MAX_PRIORITY; higher priorities start first.
    needs, cpus, memory_bytes, gpus: what is reserved for it while it runs.
    executor: the name of the cluster that it runs on; None is this machine.
    question: the oldest unanswered question of its agent.
    budget: its limits, from the dispatch or else its project; None in lists, and without any.
    held_at: when it was held; None when it is not held.
    parent: the job that dispatched it. ancestors: its parent last, before it the parent's parent, and so on.
    children: how many sub-jobs it has dispatched, by state; empty in lists.
    run_of: the schedule that dispatched it, and the time of the run.
    project_directory: that of its project, if `cwd` is another one; None in lists.
    model, permission_mode, args: what its agent is started with, from the dispatch, the project or the agent's
    configuration; None and empty in lists, and without any.
    discarded: the work of it that was discarded and can be restored.
    launch, umask: how its attempts are launched, as dispatched; None in lists, and without any.
    attached: who uses its session in a terminal now.
    review: what a person has decided about its work; None for a job that needs no decision.
    race: the race that it is part of.
    collisions: the jobs whose worktrees change the same files, as far as they were compared while jobs ran.
    """

    id: str
    name: str
    project: str
    agent: str
    task: str
    state: JobState
    created_at: datetime
    attempt: int = 0
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: float | None = None
    exit_code: int | None = None
    signal: str | None = None
    outcome: Outcome | None = None
    progress: Progress | None = None
    usage: Usage | None = None
    pid: int | None = None
    task_bytes: int = 0
    argv: list[str] | None = None
    cwd: str = ""
    key: str | None = None
    timeout_s: float | None = None
    env_names: list[str] = []
    attempts: list[Attempt] = []
    directory: str | None = None
    seq: int = 0
    not_before: datetime | None = None
    activity: Activity | None = None
    terms: Terms | None = None
    node: str | None = None
    tags: dict[str, str] = {}
    bounds: Bounds | None = None
    after: list[str] = []
    after_any: list[str] = []
    after_fail: list[str] = []
    stall_timeout_s: float | None = None
    worktree: Worktree | None = None
    priority: int = 0
    needs: dict[str, int] = {}
    cpus: float | None = None
    memory_bytes: int | None = None
    question: Question | None = None
    held_at: datetime | None = None
    budget: Budget | None = None
    parent: str | None = None
    ancestors: list[str] = []
    run_of: RunOf | None = None
    children: dict[JobState, int] = {}
    project_directory: str | None = None
    model: str | None = None
    permission_mode: str | None = None
    args: list[str] = []
    discarded: DiscardedWork | None = None
    launch: LaunchOptions | None = None
    umask: int | None = None
    attached: Attachment | None = None
    review: Review | None = None
    race: Race | None = None
    collisions: list[Collision] = []
    executor: str | None = None
    gpus: float | None = None


def job_name(project: str, job_id: str) -> str:
    """The machine-readable name of a job, which is accepted wherever an id is."""
    return f"agent:{project}:{job_id}"
