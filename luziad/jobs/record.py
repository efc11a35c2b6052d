"""What was asked and what became of it, as the daemon keeps them in memory and in its store.

Both are encoded as JSON into the store: a new field has a default, and a field is never renamed.
Times are epoch seconds. The structs hold no cycles, so the collector need not look at them (`gc=False`).
"""

from __future__ import annotations

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Bounds, JobState, Outcome, Progress, Terms, Usage, Worktree

from luziad.clocks.clock import Steady
from luziad.jobs.answers import Answer
from luziad.jobs.dependencies import After
from luziad.jobs.family import Place
from luziad.jobs.launch_options import Manner
from luziad.jobs.pauses import Pauses
from luziad.jobs.requirements import NO_CLAIMS, Claims, Wants
from luziad.jobs.retry_state import Again, Given


class JobSpec(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What was asked; never changes.

    project: its name. directory: the project's. cwd: where to run, when not there.
    env_set, client_set: numbers, among the store's environments, of the variables set for this job and of those
    that the caller passed on; 0 for none.
    uid: user id of who asked. place: where it stands among others. terms: when it may run, for the few jobs that care.
    stall_timeout_s: how long an attempt may go without a sign of life, when that was said for this job.
    bounds: what its attempts may use at most, where there is a limit.
    manner: how it is to work; None is the plain way.
    claims: how urgent it is and what it takes, for those that say so.
    created: the steady moment of created_at, for those that expire or start so much later.
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
    place: Place | None = None
    stall_timeout_s: float | None = None
    bounds: Bounds | None = None
    manner: Manner | None = None
    claims: Claims | None = None
    created: Steady | None = None


class AttemptRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """One attempt.

    stop_reason, stop_outcome: why it was asked to end, once it was.
    pauses: None when it was never paused.
    activity: what was understood of its output, the agent's session among it; None when nobody reads it.
    given: the session that it goes on with, for those that do.
    answers: to what the agent has asked, until its output shows that it goes on; None for none.
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
    given: Given | None = None
    pauses: Pauses | None = None
    answers: tuple[Answer, ...] | None = None


class JobFate(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of a job; the part of its record that changes.

    ended_at, outcome, reason: how it ended, or why it is queued again. seq: its newest event.
    again: where it stands, when it has more than one attempt.
    after: the jobs that it comes after; here, because it can be edited while the job waits.
    tree: its git worktree; recorded before it is made, and until it is cleaned.
    held_at: since when somebody keeps it from starting.
    """

    state: JobState = JobState.QUEUED
    attempts: tuple[AttemptRecord, ...] = ()
    progress: Progress | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    ended_at: float | None = None
    seq: int = 0
    again: Again | None = None
    after: After | None = None
    tree: Worktree | None = None
    held_at: float | None = None


class JobRecord(msgspec.Struct, gc=False):
    """A job in the table. `n` counts dispatches and orders jobs; `durable` once the store has it."""

    n: int
    id: str
    spec: JobSpec
    fate: JobFate
    durable: bool = False

    @property
    def attempt(self) -> AttemptRecord | None:
        """The newest attempt, None before the first."""
        return self.fate.attempts[-1] if self.fate.attempts else None

    @property
    def project(self) -> str:
        """The name of the job's project."""
        return self.spec.project

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The jobs from inside which it was dispatched, the nearest one last; none for most."""
        return () if self.spec.place is None else self.spec.place.ancestors

    @property
    def not_before(self) -> float | None:
        """The moment before which the next attempt may not start."""
        again, terms = self.fate.again, self.spec.terms
        if again is not None and again.not_before is not None:
            return again.not_before
        return None if terms is None or terms.not_before is None else terms.not_before.timestamp()

    @property
    def first_attempt(self) -> AttemptRecord | None:
        """The first attempt since a person asked for the job last, None before it."""
        first = 1 if self.fate.again is None else self.fate.again.first
        return self.fate.attempts[first - 1] if len(self.fate.attempts) >= first else None

    @property
    def wants_tree(self) -> bool:
        """Whether its attempts run in a git worktree of its own."""
        return self.spec.manner is not None and self.spec.manner.worktree

    @property
    def wants(self) -> Wants:
        """What the ready queue has to know of the job."""
        spec = self.spec
        if spec.claims is None and spec.place is None:
            return Wants(spec.project, spec.agent)
        claims = spec.claims or NO_CLAIMS
        return Wants(spec.project, spec.agent, claims.priority, claims.takes, len(self.ancestors))
