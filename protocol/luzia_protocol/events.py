"""What happened: one struct for each kind of event. A change here is a change of the protocol: see version.py.

`seq` grows with every event and is never used twice; gaps are possible. `at` is when the daemon recorded the
event. `state` is the job's state after it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.activity import Activity, Question
from luzia_protocol.jobs import JobState, Outcome, Progress, Worktree


class Base(msgspec.Struct, tag_field="kind", kw_only=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """What all events share."""

    seq: int
    at: datetime
    job: str
    project: str
    state: JobState


class Dispatched(Base, tag="dispatched"):
    """A job was accepted. `task` is its first LIST_TASK_CHARS characters."""

    task: str
    agent: str


class Starting(Base, tag="starting"):
    """An attempt got a slot and is about to start."""

    attempt: int


class Worktreed(Base, tag="worktree"):
    """The job has a git worktree, which is about to be made; or, with None, it has none any more."""

    worktree: Worktree | None


class Started(Base, tag="started"):
    """An attempt's agent runs as process `pid`."""

    attempt: int
    pid: int


class Progressed(Base, tag="progress"):
    """An attempt came further, or says what it does now.

    activity: what has been understood of its output, in the short form; None when nobody reads it.
    """

    attempt: int
    progress: Progress
    activity: Activity | None = None


class Paused(Base, tag="paused"):
    """Nothing of the attempt runs until it is resumed."""

    attempt: int


class Resumed(Base, tag="resumed"):
    """The attempt runs on."""

    attempt: int


class Asked(Base, tag="asked"):
    """An attempt's agent asks a person, and waits."""

    attempt: int
    question: Question


class Answered(Base, tag="answered"):
    """A question is answered. question: its id, or an empty one when the agent has taken back what it asked."""

    attempt: int
    question: str


class Stopping(Base, tag="stopping"):
    """An attempt is being ended; `reason` says why."""

    attempt: int
    reason: str


class Ended(Base, tag="ended"):
    """The job is final. `attempt` is 0 when none ever started."""

    attempt: int
    outcome: Outcome
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None


class Requeued(Base, tag="requeued"):
    """The job is queued again after `attempt`; `reason` says why.

    outcome: how that attempt ended. not_before: the next one does not start earlier.
    """

    attempt: int
    reason: str
    outcome: Outcome | None = None
    not_before: datetime | None = None


class Sent(Base, tag="sent"):
    """A follow-up was sent, and comes after `attempt`. `message` is its first LIST_TASK_CHARS characters."""

    attempt: int
    message: str


class Edited(Base, tag="edited"):
    """Somebody changed what a queued job is to do, its priority, or what it comes after."""


class Held(Base, tag="held"):
    """Somebody keeps a queued job from starting."""


class Released(Base, tag="released"):
    """Nobody keeps the job from starting any more."""


class Removed(Base, tag="removed"):
    """The job was forgotten, by request or because there are too many finished ones. `state` was its last."""


Event = (
    Dispatched
    | Starting
    | Worktreed
    | Started
    | Progressed
    | Paused
    | Resumed
    | Asked
    | Answered
    | Stopping
    | Ended
    | Requeued
    | Sent
    | Edited
    | Held
    | Released
    | Removed
)

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
    "removed",
]
"""The `kind` of an event, as a type."""
