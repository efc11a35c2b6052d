"""Events: one struct per kind. A change here is a change of the protocol: see version.py.

`seq` increases with every event and is never reused; gaps are possible. `at` is when the daemon recorded the
event. `state` is the job's state after it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.activity import Activity, Question
from luzia_protocol.jobs import JobState, Outcome, Progress, Worktree


class Base(msgspec.Struct, tag_field="kind", kw_only=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """What all events have in common."""

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


class WorktreeChanged(Base, tag="worktree"):
    """The job has a git worktree, which is about to be created; None: it has none any more."""

    worktree: Worktree | None


class Started(Base, tag="started"):
    """The agent of an attempt is running as process `pid`."""

    attempt: int
    pid: int


class Progressed(Base, tag="progress"):
    """The progress or the activity of an attempt has changed.

    activity: the short form; None when its output is not read.
    """

    attempt: int
    progress: Progress
    activity: Activity | None = None


class Paused(Base, tag="paused"):
    """The attempt was paused."""

    attempt: int


class Resumed(Base, tag="resumed"):
    """The attempt was resumed."""

    attempt: int


class QuestionAsked(Base, tag="asked"):
    """An attempt's agent asks a question, and waits for the answer."""

    attempt: int
    question: Question


class QuestionAnswered(Base, tag="answered"):
    """A question was answered. question: its id; empty when the agent has withdrawn its questions."""

    attempt: int
    question: str


class Stopping(Base, tag="stopping"):
    """An attempt is being ended; `reason` says why."""

    attempt: int
    reason: str


class Ended(Base, tag="ended"):
    """The job has finished. `attempt` is 0 when none was started."""

    attempt: int
    outcome: Outcome
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None


class Requeued(Base, tag="requeued"):
    """The job is queued again after `attempt`; `reason` says why.

    outcome: that of the attempt. not_before: the earliest start of the next one.
    """

    attempt: int
    reason: str
    outcome: Outcome | None = None
    not_before: datetime | None = None


class Sent(Base, tag="sent"):
    """A follow-up message was sent, for the attempt after `attempt`. message: its first LIST_TASK_CHARS characters."""

    attempt: int
    message: str


class Edited(Base, tag="edited"):
    """The task, the priority or the dependencies of a queued job were changed."""


class Held(Base, tag="held"):
    """A queued job was held."""


class Released(Base, tag="released"):
    """A held job was released."""


class Removed(Base, tag="removed"):
    """The job was removed, on request or because of the limit on finished jobs. state: its last."""


Event = (
    Dispatched
    | Starting
    | WorktreeChanged
    | Started
    | Progressed
    | Paused
    | Resumed
    | QuestionAsked
    | QuestionAnswered
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
