"""Requests that control one job. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from luzia_protocol.base import JobRequest
from luzia_protocol.jobs import JobState, Worktree

AfterAttachment = Literal["end", "continue"]
"""What follows the interactive use of a job's session."""


class Edit(JobRequest, tag="edit"):
    """Change a queued job; fields that are None stay. Answered by replies.JobChange.

    The fields are those of Dispatch; an empty list removes the dependencies of its kind.
    """

    task: str | None = None
    priority: int | None = None
    after: list[str] | None = None
    after_any: list[str] | None = None
    after_fail: list[str] | None = None


class Cancel(JobRequest, tag="cancel"):
    """End a job: TERM, grace time, KILL for its whole process tree. Answered at once by replies.JobChange."""


class Pause(JobRequest, tag="pause"):
    """Suspend a running job until it is resumed. It keeps its slot. Answered by replies.JobChange."""


class Resume(JobRequest, tag="resume"):
    """Resume a paused job. Answered by replies.JobChange."""


class Again(JobRequest, tag="again"):
    """Accept a new job like this one, with the settings and variables of its dispatch. Answered by DispatchResult.

    Start times and dependencies are not repeated. task: another task; None repeats it. key, client_env, umask, parent:
    as in a dispatch.
    """

    task: str | None = None
    key: str | None = None
    client_env: dict[str, str] = {}
    umask: int | None = None
    parent: str | None = None


class Retry(JobRequest, tag="retry"):
    """Queue a finished job for its next attempt, or start a waiting one now. Answered by replies.RetryResult.

    Jobs that were skipped because of how it ended are queued again, too; `dependency_failed` if it would be skipped
    itself.
    fresh: run the task from the start, even if the agent could resume its session.
    """

    fresh: bool = False


class Send(JobRequest, tag="send"):
    """Send a follow-up message to the session of a finished attempt. Answered by replies.JobChange."""

    message: str


class Attach(JobRequest, tag="attach"):
    """Take over the session of the job's agent, to use it in a terminal. Answered by AttachResult, out of order.

    The process that sends this runs the command of the reply, and reports with `detach` how it ended; when the process
    ends, so does the attachment. An attempt in progress is terminated first.
    pid: the caller's process, by which the daemon recognises a caller that it cannot watch, on another machine.
    then: what follows when the user leaves: the job ends (`end`), or another attempt continues (`continue`). Required
    if an attempt is in progress. Otherwise the default is to continue for a queued job, and for a finished one to leave
    it as it was.
    """

    pid: int
    then: AfterAttachment | None = None


class Detach(JobRequest, tag="detach"):
    """End the interactive use of a job's session. Answered by JobChange.

    From the process that sent `attach`, it reports the end. From another one, it asks that process to end the agent.
    then: replaces that of `attach`. exit_code, signal: how the agent ended. completed: the user says that the task is
    done.
    """

    then: AfterAttachment | None = None
    exit_code: int | None = None
    signal: str | None = None
    completed: bool = False


class Answer(JobRequest, tag="answer"):
    """Answer a question of the agent of a waiting job. Answered by replies.JobChange when it is delivered.

    words: for a permission `allow`, or `deny` with a reason for the agent; for a question one answer per part, where a
    number selects an option, or `deny`.
    question: the question's id; None is the oldest.
    """

    words: list[str]
    question: str | None = None


class ReportProgress(JobRequest, tag="progress"):
    """Report the progress of a running job, usually from inside it. Answered by replies.JobChange.

    percent is short for done=percent, total=100. Without any of these numbers, the last reported ones stay.
    """

    percent: float | None = None
    done: float | None = None
    total: float | None = None
    label: str | None = None
    phase: str | None = None


class UpdateStatus(JobRequest, tag="update_status"):
    """The older form of `progress`, with its older field names. An omitted field stays as it was."""

    progress: float | None = None
    message: str | None = None


class Clean(JobRequest, tag="clean"):
    """Delete a finished job's worktree and branch, if no work would be lost. See replies.CleanResult; out of order.

    dry_run: only report the result.
    """

    dry_run: bool = False


class Discard(JobRequest, tag="discard"):
    """Delete a finished job's worktree and branch with all work, of which a copy is kept for `discard_grace_s`.

    Answered by replies.DiscardResult, out of order; `worktree_kept` if a copy cannot be made.
    """


class RestoreWork(JobRequest, tag="restore_work"):
    """Restore the worktree and the branch that were discarded. Answered by replies.RestoreResult, out of order."""


class Accept(JobRequest, tag="accept"):
    """Accept the work of a completed job that was dispatched with `review`. Answered by JobChange.

    The jobs that depend on it need not wait for it any more. Accepting twice changes nothing.
    """


class Reject(JobRequest, tag="reject"):
    """Reject the work of a completed job that was dispatched with `review`. Answered by JobChange.

    The jobs that need it completed are skipped. Its worktree stays. Rejecting twice changes nothing.
    """


class Remove(JobRequest, tag="remove"):
    """Remove a finished job: its record and its directory. Answered by replies.RemoveResult.

    The reply waits a short time until the directory is deleted. The worktree of the job is cleaned first, out of order;
    `worktree_kept` if work would be lost. The copy of discarded work is deleted.
    """


WorktreeRequest = Clean | Discard | RestoreWork
ReviewRequest = Accept | Reject
ControlRequest = (
    Again
    | Edit
    | Cancel
    | Pause
    | Resume
    | Retry
    | Send
    | Attach
    | Detach
    | Remove
    | WorktreeRequest
    | ReviewRequest
    | Answer
    | ReportProgress
    | UpdateStatus
)


class JobChange(msgspec.Struct, frozen=True):
    """The job's state after the request.

    changed: False when the job already was as requested, such as one that is resumed but not paused; otherwise absent.
    """

    job: str
    state: JobState
    attempt: int = 0
    changed: bool | msgspec.UnsetType = msgspec.UNSET


class RemoveResult(JobChange, frozen=True):
    """The job's state before its removal. note: why there are still files of it; None when all are deleted."""

    note: str | None = None


class RetryResult(JobChange, frozen=True):
    """The job's state after a retry. revived: the jobs that were skipped because of it, and wait for it again."""

    revived: list[str] = []


class AttachResult(msgspec.Struct, frozen=True):
    """The command with which the job's agent opens the session, and how to run it. attempt: the one that it is.

    env: its whole environment, to which the caller adds what describes its terminal.
    """

    job: str
    attempt: int
    argv: list[str]
    env: dict[str, str]
    directory: str
    umask: int | None = None


class DiscardResult(msgspec.Struct, frozen=True):
    """The worktree at `path` was removed. commit, kept_until: the copy of its work; None if there was none left."""

    job: str
    path: str
    commit: str | None = None
    kept_until: datetime | None = None


class RestoreResult(msgspec.Struct, frozen=True):
    """The worktree that was restored."""

    job: str
    worktree: Worktree


class CleanResult(msgspec.Struct, frozen=True):
    """The result for a job's worktree: `removed`, or kept for the reason in `why`."""

    job: str
    path: str
    removed: bool
    why: str | None = None
