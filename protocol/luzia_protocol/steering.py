"""What is done to one job. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.jobs import JobState


class Edit(Base, tag="edit"):
    """Change a queued job; what is None stays. Answered by replies.JobChange.

    The fields are those of Dispatch; an empty list takes away what the job comes after in that way.
    """

    job: str
    task: str | None = None
    priority: int | None = None
    after: list[str] | None = None
    after_any: list[str] | None = None
    after_fail: list[str] | None = None


class Cancel(Base, tag="cancel"):
    """End a job: TERM, grace, KILL for its whole process tree. Answered at once by replies.JobChange."""

    job: str


class Pause(Base, tag="pause"):
    """Let nothing of a running job run until it is resumed. It keeps its slot. Answered by replies.JobChange."""

    job: str


class Resume(Base, tag="resume"):
    """Let a paused job run on. Answered by replies.JobChange."""

    job: str


class Retry(Base, tag="retry"):
    """Queue a final job again for its next attempt, or let a queued one start now. Answered by replies.JobChange.

    fresh: run the task from the start, also where the agent could go on with its session.
    """

    job: str
    fresh: bool = False


class Send(Base, tag="send"):
    """Say something more in the job's conversation, when its attempt has ended. Answered by replies.JobChange."""

    job: str
    message: str


class Answer(Base, tag="answer"):
    """Answer what the agent of a job in `waiting` asks. Answered by replies.JobChange when the agent has it.

    words: `allow`, or `deny` with what to tell the agent, for a permission; for a question one text for each of its
    parts, of which a number stands for the option of that number, or `deny`.
    question: the question's id; None is the one that was asked first.
    """

    job: str
    words: list[str]
    question: str | None = None


class ReportProgress(Base, tag="progress"):
    """Tell how far a running job is, mostly from inside it. Answered by replies.JobChange.

    percent is short for done=percent, total=100.
    """

    job: str
    percent: float | None = None
    done: float | None = None
    total: float | None = None
    label: str | None = None
    phase: str | None = None


class UpdateStatus(Base, tag="update_status"):
    """The older name of `progress`, with the older words for its fields."""

    job: str
    progress: float | None = None
    message: str | None = None


class Clean(Base, tag="clean"):
    """Delete a final job's worktree and its branch, if nothing would be lost. See replies.CleanResult; out of order.

    dry_run: only say what would become of it.
    """

    job: str
    dry_run: bool = False


class Remove(Base, tag="remove"):
    """Forget a final job: its record and its directory. Answered by replies.JobChange.

    A job with a worktree is cleaned first, out of order; `worktree_kept` when work would be lost.
    """

    job: str


class JobChange(msgspec.Struct, frozen=True):
    """The job and the state it has after the request."""

    job: str
    state: JobState
    attempt: int = 0


class CleanResult(msgspec.Struct, frozen=True):
    """What became of a job's worktree, or would have: `removed`, or kept for the reason in `why`."""

    job: str
    path: str
    removed: bool
    why: str | None = None
