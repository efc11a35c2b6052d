"""What a job is on the wire. A change here is a change of the protocol: see version.py."""

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
LIST_TASK_CHARS = 256
"""Lists carry a task's first characters only, so that a page always fits a frame; `status` has it whole."""


SortKey = Literal["created", "started", "ended", "duration", "cost", "priority", "project", "agent", "state"]
"""One of SORT_KEYS in states.py, as a type."""


class Outcome(StrEnum):
    """How an attempt ended, finer than the job's final state (OUTCOME_STATES maps one to the other)."""

    COMPLETED = "completed"
    FAILED = "failed"
    START_FAILED = "start_failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    LOST = "lost"
    STALLED = "stalled"
    """No sign of life came from it for too long."""
    EXPIRED = "expired"
    """It had not begun when it must have."""
    OVERDUE = "overdue"
    """All of the job's attempts together took too long."""
    USAGE_LIMITED = "usage_limited"
    """The agent's account has used up its allowance."""
    OVER_BUDGET = "over_budget"
    """It used more than its job may."""


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
"""The outcomes after which a policy may ask for another attempt."""


class Progress(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """How far a running attempt is, as far as anybody can honestly tell.

    percent: 0 to 99 while the attempt runs, 100 only after a verified end; None without a denominator.
    done, total: what the percentage was computed from.
    label: what the numbers count, or what the job says it is doing.
    phase: what the agent is doing now ("tool Bash").
    """

    percent: int | None = None
    done: float | None = None
    total: float | None = None
    label: str | None = None
    phase: str | None = None


class Usage(msgspec.Struct, frozen=True, repr_omit_defaults=True, gc=False):
    """What an ended attempt used: CPU seconds (user, system) and peak memory in bytes, from wait4(2)."""

    user_s: float | None = None
    system_s: float | None = None
    max_rss_bytes: int | None = None


class Worktree(msgspec.Struct, frozen=True, gc=False):
    """The git worktree of a job's own.

    path: its directory. directory: where the job runs in it, below `path` when the project is a part of a repository.
    branch: the branch that was made for it. base: the commit that it began at.
    onto: the branch that was checked out in the project then; None for a detached head.
    repository: the work tree of the project. dirty: it had uncommitted changes, which the job's tree does not have.
    """

    path: str
    directory: str
    branch: str
    base: str
    onto: str | None
    repository: str
    dirty: bool = False


class Attempt(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """One run of a job's command. Times are aware; `exit_code` and `signal` exclude each other.

    activity: what was understood of its output, in the short form; None when nobody reads it.
    session, message: the agent's session that it goes on with, and what was said in it, as far as it fits a line.
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


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """When a job may run, and how often, as its dispatch said; None is what it left to others.

    not_before: no attempt starts earlier. retries: attempts that may follow the first by themselves, up to
    MAX_RETRIES. retry_on: the outcomes after which they do, of RETRYABLE. backoff_s: seconds up to which the first
    one waits, and up to which any does. expires_s: seconds in which the first attempt must have begun.
    job_timeout_s: seconds for all attempts and the waits between them. auto_resume: whether the job waits for
    the end of a usage limit and goes on by itself. max_cost_usd, max_turns: what all attempts together may cost by the
    agent's own estimate, and how many turns of the model they may take. start_in_s: seconds that the job was to wait
    first; not_before tells that moment too.
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


class Bounds(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What all processes of an attempt may use together at most; None is no limit.

    max_cpus: processors; 1.5 is one and a half.
    """

    max_memory_bytes: int | None = None
    max_processes: int | None = None
    max_cpus: float | None = None


class Budget(msgspec.Struct, frozen=True, gc=False):
    """What all attempts of a job together may use; None is no limit. See Terms."""

    max_cost_usd: float | None = None
    max_turns: int | None = None


class RunOf(msgspec.Struct, frozen=True, gc=False):
    """The schedule that dispatched a job, and the moment of the run, in the schedule's zone."""

    schedule: str
    at: datetime


class Job(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A job as `status`, `list` and `--json` show it.

    task: what the user typed; in lists its first LIST_TASK_CHARS characters (`task_bytes` is its full size).
    argv: the exact command for `run` jobs, otherwise None.
    reason: why it is in its state, in words: why it waits, how it failed.
    attempt: number of the newest attempt, 0 before the first.
    duration_s: seconds the newest ended attempt ran, from a clock that does not jump.
    env_names: names, never values, of the variables that were set for this job.
    attempts: every attempt, oldest first; empty in lists.
    directory: the job's directory with its output, once it has one; None in lists.
    not_before: the moment before which its next attempt does not start.
    activity: what is understood of the newest attempt's output; in lists the short form.
    terms: what was asked about that, and about retries and deadlines.
    bounds: what its attempts may use at most.
    tags: the caller's words about it. node: what it is called in the graph that it was dispatched with.
    after, after_any, after_fail: ids of the jobs that must complete, end, or fail before it starts.
    stall_timeout_s: seconds that an attempt may go without a sign of life, when that was said for this job.
    worktree: the git worktree that it runs in, once it has one and until it is cleaned.
    priority: -MAX_PRIORITY to MAX_PRIORITY; higher ones start first.
    needs, cpus, memory_bytes: what is kept for it while it runs.
    question: what its agent asks, when it is waiting: the oldest of what is not answered.
    budget: what it may use, as its dispatch or otherwise its project says; None in lists, and when neither does.
    held_at: since when somebody keeps it from starting; None when nobody does.
    parent: the job from inside which it was dispatched. ancestors: that one last, before it the one from inside which
    that one was dispatched, and so on. children: how many were dispatched from inside it, by state; empty in lists.
    run_of: the schedule that dispatched it, and for which moment.
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


def job_name(project: str, job_id: str) -> str:
    """The machine-readable name of a job, which is accepted wherever an id is."""
    return f"agent:{project}:{job_id}"
