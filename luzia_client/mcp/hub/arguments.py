"""What the tools take: a struct a tool, from which clients get the schema of its arguments."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from luzia_protocol.jobs import JobState
from luzia_protocol.requests import MAX_SEARCH_CHARS
from luzia_protocol.searching import MAX_HITS

WAIT_S = 45.0
"""The longest call: clients give up on a call after 60 s."""
MAX_JOBS = 20
MAX_ROWS = 50

Count = Annotated[int, Meta(ge=1)]
Cost = Annotated[float, Meta(gt=0)]
JobId = Annotated[str, Meta(description="The job's id, as `dispatch` returned it.", min_length=1)]


class Arguments(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What all of them are."""


class Dispatch(Arguments):
    """Arguments of `dispatch` and `run`."""

    task: Annotated[
        str,
        Meta(
            min_length=1,
            description="What the agent shall do, complete in itself: it sees nothing of this conversation.",
        ),
    ]
    project: Annotated[
        str | None,
        Meta(description="A configured project's name, or a directory. Default: the project that you work in."),
    ] = None
    agent: Annotated[
        str | None,
        Meta(
            description="claude, codex, opencode, gemini, vibe, another configured one, or `shell`, for which the"
            " task is a shell command. Default: that of the project."
        ),
    ] = None
    model: Annotated[str | None, Meta(description="The agent's model, in its own words.")] = None
    worktree: Annotated[
        bool | None,
        Meta(
            description="Work in a git worktree and on a branch of its own, so that jobs do not disturb each other."
            " Default: as the project is configured."
        ),
    ] = None
    after: Annotated[
        list[str], Meta(description="Ids of jobs that must complete before this one starts.", max_length=100)
    ] = []
    review: Annotated[
        bool,
        Meta(description="Jobs with this one in `after` wait until a person has accepted its work, or are skipped."),
    ] = False
    max_cost_usd: Annotated[
        Cost | None, Meta(description="End the job, and its sub-jobs, when they cost more together.")
    ] = None
    max_turns: Annotated[Count | None, Meta(description="End the job when the model takes more turns.")] = None
    key: Annotated[
        str | None, Meta(description="The same key returns the same job: for a dispatch that may be repeated.")
    ] = None


class Wait(Arguments):
    """Arguments of `wait`."""

    jobs: Annotated[list[str], Meta(min_length=1, max_length=MAX_JOBS, description="The ids of the jobs.")]
    timeout_s: Annotated[float, Meta(ge=0, le=WAIT_S, description="How long to wait at most, in seconds.")] = WAIT_S


class OneJob(Arguments):
    """Arguments of `status`, `diff` and `cancel`."""

    job: JobId


class List(Arguments):
    """Arguments of `list`."""

    search: Annotated[
        str,
        Meta(
            max_length=MAX_SEARCH_CHARS,
            description="Only jobs that have all of these words in their task, last message, project, tags or id.",
        ),
    ] = ""
    projects: Annotated[list[str], Meta(description="Only jobs of these projects. Default: all.")] = []
    states: Annotated[list[JobState], Meta(description="Only jobs in these states. Default: all.")] = []
    parent: Annotated[str | None, Meta(description="Only the sub-jobs of this job.")] = None
    limit: Annotated[int, Meta(ge=1, le=MAX_ROWS, description="How many, the newest first.")] = 20
    cursor: Annotated[int | None, Meta(description="`next` of the last page.")] = None


class Search(Arguments):
    """Arguments of `search`."""

    words: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_SEARCH_CHARS,
            description='All of these words, in any case; a "phrase" in quotation marks; a * for any end of a word.',
        ),
    ]
    projects: Annotated[list[str], Meta(description="Only jobs of these projects. Default: all.")] = []
    states: Annotated[list[JobState], Meta(description="Only jobs in these states. Default: all.")] = []
    agents: Annotated[list[str], Meta(description="Only jobs of these agents. Default: all.")] = []
    limit: Annotated[int, Meta(ge=1, le=MAX_HITS, description="How many, the newest first.")] = 10
    cursor: Annotated[int | None, Meta(description="`next` of the last page.")] = None


class Logs(Arguments):
    """Arguments of `logs`."""

    job: JobId
    lines: Annotated[int, Meta(ge=1, le=1000, description="How many of the last lines.")] = 100
    attempt: Annotated[Count | None, Meta(description="The number of an attempt. Default: the newest.")] = None
    stderr: Annotated[bool, Meta(description="The agent's error output instead.")] = False


class Answer(Arguments):
    """Arguments of `answer`."""

    job: JobId
    words: Annotated[
        list[str],
        Meta(
            min_length=1,
            description='For a permission: ["allow"], or ["deny", "what to do instead"]. For a question: one text for'
            " each of its parts, or the number of an option.",
        ),
    ]
    question: Annotated[str | None, Meta(description="The question's id. Default: the oldest.")] = None


class Send(Arguments):
    """Arguments of `send`."""

    job: JobId
    message: Annotated[str, Meta(min_length=1, description="The follow-up for the job's agent, up to 64 KiB.")]


class Merge(Arguments):
    """Arguments of `merge`."""

    job: JobId
    commit: Annotated[bool, Meta(description="First commit what the job has left uncommitted.")] = False
    message: Annotated[str | None, Meta(description="The message of that commit.")] = None
