"""Events: one struct per kind. A change here is a change of the protocol: see version.py.

`seq` increases with every event and is never reused; gaps are possible. `at` is when the daemon recorded the
event. `state` is the job's state after it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.activity import Activity, Question, Spending
from luzia_protocol.jobs import Collision, JobState, Outcome, Progress, Review, Worktree


class Base(msgspec.Struct, tag_field="kind", kw_only=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """What all events have in common."""

    seq: int
    at: datetime
    job: str
    project: str
    state: JobState


class AttemptBase(Base):
    """What all events of an attempt have in common. attempt: its number."""

    attempt: int


class Dispatched(Base, tag="dispatched"):
    """A job was accepted. `task` is its first LIST_TASK_CHARS characters. node: its name, as in Job."""

    task: str
    agent: str
    node: str | None = None


class Starting(AttemptBase, tag="starting"):
    """An attempt got a slot and is about to start."""


class WorktreeChanged(Base, tag="worktree"):
    """The job has a git worktree, which is about to be created; None: it has none any more."""

    worktree: Worktree | None


class Started(AttemptBase, tag="started"):
    """The agent of an attempt is running as process `pid`. attached: the user in whose terminal, if in one."""

    pid: int
    attached: str | None = None


class Progressed(AttemptBase, tag="progress"):
    """The progress or the activity of an attempt has changed.

    activity: the short form; None when its output is not read.
    """

    progress: Progress
    activity: Activity | None = None


class Paused(AttemptBase, tag="paused"):
    """The attempt was paused."""


class Resumed(AttemptBase, tag="resumed"):
    """The attempt was resumed."""


class QuestionAsked(AttemptBase, tag="asked"):
    """An attempt's agent asks a question, and waits for the answer: of several open questions, the oldest."""

    question: Question


class QuestionAnswered(AttemptBase, tag="answered"):
    """A question was answered; the state tells whether another one is open.

    question: its id; empty when the agent has withdrawn all.
    """

    question: str


class Stopping(AttemptBase, tag="stopping"):
    """An attempt is being ended; `reason` says why."""

    reason: str


class AttemptEndBase(AttemptBase, kw_only=True):
    """What events that may end an attempt have in common, so that nobody has to ask for the job.

    agent: that of the job; empty in events of older daemons.
    duration_s: seconds that the attempt ran, on a steady clock. spent: what it has spent. Both are None in an event
    that ends no attempt, such as that of a queued job that is cancelled, so that their sums count nothing twice.
    waited_s: seconds that it waited in the queue for its start, or the job since it was queued last.
    spent_total: what all attempts of the job have spent.
    """

    agent: str = ""
    duration_s: float | None = None
    waited_s: float | None = None
    spent: Spending | None = None
    spent_total: Spending | None = None


class Ended(AttemptEndBase, tag="ended", kw_only=True):
    """The job has finished. `attempt` is 0 when none was started.

    schedule: the one that dispatched it. review: `wanted` if the work now waits for a person's decision.
    """

    outcome: Outcome
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    schedule: str | None = None
    review: Review | None = None


class Requeued(AttemptEndBase, tag="requeued", kw_only=True):
    """The job is queued again after `attempt`; `reason` says why.

    outcome: that of the attempt. not_before: the earliest start of the next one.
    """

    reason: str
    outcome: Outcome | None = None
    not_before: datetime | None = None


class Sent(AttemptBase, tag="sent"):
    """A follow-up message was sent, for the attempt after `attempt`. message: its first LIST_TASK_CHARS characters."""

    message: str


class Edited(Base, tag="edited"):
    """The task, the priority or the dependencies of a queued job were changed."""


class Held(Base, tag="held"):
    """A queued job was held."""


class Released(Base, tag="released"):
    """A held job was released."""


class Reviewed(Base, tag="reviewed"):
    """A person has decided about the work of a completed job."""

    review: Review


class Collided(Base, tag="collision"):
    """The worktree of another job changes the same files. Told of two jobs by one of them.

    again: of these two it was told before, and this is how it is now; without files it has passed.
    """

    collision: Collision
    again: bool = False


class Removed(Base, tag="removed"):
    """The job was removed, on request or because of the limit on finished jobs. state: its last."""


JobEvent = Dispatched | WorktreeChanged | Edited | Held | Released | Reviewed | Collided | Removed
AttemptEvent = Starting | Started | Progressed | Paused | Resumed | Stopping | Ended | Requeued | Sent
QuestionEvent = QuestionAsked | QuestionAnswered
Event = JobEvent | AttemptEvent | QuestionEvent

EventKind = Literal[
    "dispatched",
    "starting",
    "worktree",
    "started",
    "progress",
    "paused",
    "resumed",
    "asked",
    "answered",
    "stopping",
    "ended",
    "requeued",
    "sent",
    "edited",
    "held",
    "released",
    "reviewed",
    "collision",
    "removed",
]
"""The `kind` of an event, as a type."""
