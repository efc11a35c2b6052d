"""A job's spec and status, as the daemon keeps them in memory and in its store.

Both are encoded as JSON into the store: a new field has a default, and the name of a stored field never changes
(an attribute that has another name is a field with `name=`). Times are epoch seconds. The structs hold no cycles, so
they are not tracked by the garbage collector (`gc=False`).
"""

from __future__ import annotations

import msgspec
from msgspec import field

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import (
    Bounds,
    Collision,
    DiscardedWork,
    JobState,
    LaunchOptions,
    Outcome,
    Progress,
    Race,
    Review,
    Terms,
    Usage,
    Worktree,
)

from luziad.clocks.clock import SteadyTime
from luziad.jobs.attempt import Answer, Attached, FailureCause, Pauses
from luziad.jobs.dependencies import Dependencies, Standing, standing
from luziad.jobs.family import Origin
from luziad.jobs.requirements import NO_REQUIREMENTS, Requirements, Wants
from luziad.jobs.retry_state import Continuation, RetryState

NO_USER = -1
"""The user id of imported and scheduled jobs, so that none of them is a user's `@last`."""

OwnedKey = tuple[int, str]
"""An idempotency key, after the user whose key it is: each user's keys are a space of their own."""


class JobSpec(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What was requested.

    project: the project's name at the dispatch. directory: its directory. cwd: the working directory, if another one.
    env_set, client_set: numbers, among the store's environments, of the variables set for this job and of those
    passed on by the caller; 0 for none.
    uid: user id of the caller. key_uid: whose `key` is, if not the caller's. origin: how the job was dispatched.
    terms: when it may run.
    stall_timeout_s: seconds that an attempt may go without activity.
    bounds: resource limits of its attempts. launch_options: None for the defaults.
    requirements: its priority and the resources that it reserves.
    created_steady: created_at on the steady clock, for jobs that expire or start after a delay.
    jobs_dir: the directory that its own directory is in; None for `jobs` in the state directory.
    umask: that of its processes; None is the daemon's.
    review: a person decides about its work before jobs that depend on it start.
    """

    project: str
    directory: str
    agent: str
    created_at: float
    task: str = ""
    argv: list[str] | None = None
    cwd: str | None = None
    key: str | None = None
    env_set: int = 0
    client_set: int = 0
    timeout_s: float | None = None
    uid: int = 0
    terms: Terms | None = None
    origin: Origin | None = field(default=None, name="place")
    stall_timeout_s: float | None = None
    bounds: Bounds | None = None
    launch_options: LaunchOptions | None = field(default=None, name="manner")
    requirements: Requirements | None = field(default=None, name="claims")
    created_steady: SteadyTime | None = field(default=None, name="created")
    jobs_dir: str | None = None
    umask: int | None = None
    review: bool = False
    key_uid: int | None = None

    @property
    def owned_key(self) -> OwnedKey | None:
        """Its key with whose it is; None without one."""
        if self.key is None:
            return None
        return self.uid if self.key_uid is None else self.key_uid, self.key


class AttemptRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """One attempt.

    stop_reason, stop_outcome: why it is being stopped. pauses: None when it was never paused.
    activity: what its output has shown, with the agent's session; None when the output is not read.
    continuation: the session that it resumes.
    answers: answers to the agent's questions, until its output shows that it has received them.
    cause: why the agent has failed, as far as its output tells.
    lost_bytes: how much of its stdout the job has truncated, as far as its shim has seen it.
    shortage: it could not be started, because the machine lacked something.
    attached: the user in whose terminal it is. taken_over: it was ended for a user who takes over the session, and
    another attempt follows when the user has left.
    """

    number: int
    starting_at: float
    started_at: float | None = None
    ended_at: float | None = None
    duration_s: float | None = None
    pid: int | None = None
    exit_code: int | None = None
    signal: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    usage: Usage | None = None
    stop_reason: str | None = None
    stop_outcome: Outcome | None = None
    activity: Activity | None = None
    continuation: Continuation | None = field(default=None, name="given")
    pauses: Pauses | None = None
    answers: tuple[Answer, ...] | None = None
    cause: FailureCause | None = None
    lost_bytes: int = 0
    shortage: bool = False
    attached: Attached | None = None
    taken_over: bool = False


class JobStatus(msgspec.Struct, omit_defaults=True, gc=False):
    """What has become of a job: the part of its record that changes.

    ended_at, outcome, reason: how it ended, or why it is queued again. seq: its newest event.
    retry_state: for jobs with more than one attempt.
    dependencies: here, because they can be edited while the job is queued.
    worktree: its git worktree; recorded before it is created, and until it is cleaned.
    held_at: when it was put on hold.
    review: what a person has decided about its work since it has ended.
    collisions: other jobs that were found to change the same files, newest first; of two jobs, one has the other.
    discarded: the work that was discarded and is still kept. discarded_until: until when, on the steady clock.
    """

    state: JobState = JobState.QUEUED
    attempts: tuple[AttemptRecord, ...] = ()
    progress: Progress | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    ended_at: float | None = None
    seq: int = 0
    retry_state: RetryState | None = field(default=None, name="again")
    dependencies: Dependencies | None = field(default=None, name="after")
    worktree: Worktree | None = field(default=None, name="tree")
    held_at: float | None = None
    discarded: DiscardedWork | None = None
    discarded_until: SteadyTime | None = None
    review: Review | None = None
    collisions: tuple[Collision, ...] = ()


class JobRecord(msgspec.Struct, gc=False):
    """A job in the table. `n` counts dispatches and orders jobs; `durable` once the store has it.

    project: the name of the project that its directory is now; at the dispatch it was spec.project.
    size: bytes that its texts and variables take in the store; see abridging.py. task_bytes: the size of its task when
    the spec here has the beginning of it only. searched: what a search compares, see search.py.
    """

    n: int
    id: str
    spec: JobSpec
    status: JobStatus
    durable: bool = False
    project: str = ""
    size: int = 0
    task_bytes: int | None = None
    searched: str | None = None

    def __post_init__(self) -> None:
        """Take the name from the spec, unless there is another."""
        self.project = self.project or self.spec.project

    @property
    def attempt(self) -> AttemptRecord | None:
        """The newest attempt, None before the first."""
        return self.status.attempts[-1] if self.status.attempts else None

    @property
    def name(self) -> str:
        """The name that it was given, or has in its graph; empty for most jobs."""
        return "" if self.spec.origin is None else self.spec.origin.node

    @property
    def race(self) -> Race | None:
        """The race that it is part of, if it is."""
        return None if self.spec.origin is None else self.spec.origin.race

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The jobs from inside which it was dispatched, the nearest one last; none for most."""
        return () if self.spec.origin is None else self.spec.origin.ancestors

    @property
    def not_before(self) -> float | None:
        """The earliest start of the next attempt."""
        retry, terms = self.status.retry_state, self.spec.terms
        if retry is not None and retry.not_before is not None:
            return retry.not_before
        return None if terms is None or terms.not_before is None else terms.not_before.timestamp()

    @property
    def first_number(self) -> int:
        """The number of the first attempt since the job was last requested, by its dispatch or by a user's retry."""
        return 1 if self.status.retry_state is None else self.status.retry_state.first_attempt

    @property
    def first_attempt(self) -> AttemptRecord | None:
        """The first attempt since the job was last requested, None before it."""
        return self.status.attempts[self.first_number - 1] if len(self.status.attempts) >= self.first_number else None

    @property
    def wants_worktree(self) -> bool:
        """Whether its attempts run in a git worktree of the job."""
        return self.spec.launch_options is not None and self.spec.launch_options.worktree

    @property
    def executor(self) -> str | None:
        """The cluster that it runs on; None is this machine."""
        return None if self.spec.requirements is None else self.spec.requirements.executor

    @property
    def review(self) -> Review | None:
        """What a person has decided about its work; None for a job that needs no decision."""
        racing = self.race is not None and not self.race.check
        return (self.status.review or Review.WANTED) if self.spec.review or racing else None

    @property
    def waits_for_review(self) -> bool:
        """Whether it has completed and a person has not decided about its work."""
        return self.status.state is JobState.COMPLETED and self.review is Review.WANTED

    @property
    def standing(self) -> Standing:
        """What the jobs that depend on it see of it. For the decision about a racer they do not wait."""
        return standing(self.status.state, self.review if self.spec.review else None)

    @property
    def wants(self) -> Wants:
        """What the ready queue needs to know about the job."""
        spec = self.spec
        if spec.requirements is None and spec.origin is None:
            return Wants(self.project, spec.agent)
        requirements = spec.requirements or NO_REQUIREMENTS
        return Wants(self.project, spec.agent, requirements.priority, requirements.resources, len(self.ancestors))
