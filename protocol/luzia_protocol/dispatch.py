"""The dispatch of a job, which is also part of other requests.

A change here is a change of the protocol: see version.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.jobs import Outcome, Race

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class Dispatch(Base, tag="dispatch"):
    """Accept a job. Exactly one of `task` and `argv` is required. Answered by replies.DispatchResult.

    project: a configured name, the name of another directory with jobs, or the absolute path of a directory.
    task: the text for the agent, at most MAX_TASK_BYTES bytes of UTF-8 without NUL.
    argv: a command, run without a shell and without an agent.
    agent: a name from `agents`; None takes the project's, the default one, or the first that is installed.
    key: idempotency key: dispatching twice with it creates one job, also after a crash of either side. At most
    MAX_KEY_CHARS.
    env: variables for this job; no reply contains their values.
    client_env: variables of the caller that the job inherits (see protocol/README.md for the list).
    cwd: the absolute directory to run in; None is the project's.
    timeout_s: time limit of an attempt in seconds; None takes the project's.
    not_before: earliest start, on the wall clock. start_in_s: alternatively, a delay in seconds on a steady clock.
    retries: how many attempts may follow the first automatically. retry_on: the outcomes that are retried.
    backoff_s: one or two numbers: the delay before the first retry, and the longest delay, in seconds.
    expires_s: cancel the job if its first attempt has not started within this time of being able to.
    job_timeout_s: time limit of all attempts and the delays between them.
    max_cost_usd, max_turns: end the job when it exceeds this cost, by its agent's own estimate, or number of turns.
    auto_resume: resume after a usage limit ends; None takes the project's setting.
    after, after_any, after_fail: dependencies: jobs that must complete, finish in any way, or fail before this one
    starts;
    otherwise it is skipped. Together at most MAX_PARENTS.
    tags: labels by which jobs are selected; at most MAX_TAGS.
    stall_timeout_s: seconds that an attempt may be without activity; None takes the project's.
    worktree: run in the job's own git worktree; None takes the project's setting.
    base: a branch, tag or commit at which the worktree begins, at most MAX_BASE_CHARS; implies `worktree`. None takes
    the project's setting, else the commit that is checked out.
    with_work: the worktree begins with all work of the job that this one depends on, committed or not. That must be one
    job, with a worktree; implies `worktree`.
    priority: -MAX_PRIORITY to MAX_PRIORITY, higher priorities start first; None takes the project's, or 0.
    needs: configured resources, and how much of each is reserved for the job while it runs.
    cpus, memory_bytes: what is reserved for it of the machine; usage above that is not prevented.
    executor: where it runs: a cluster from [executors], or `local` for this machine; None takes the project's. On a
    cluster, `cpus`, `memory_bytes`, `gpus` and `needs` are what it needs of a node, and it has a worktree unless the
    nodes share the file system.
    gpus: what it needs of a node; requires an executor.
    max_memory_bytes, max_processes, max_cpus: limits on all its processes together; None takes the project's. Refused
    with
    LIMIT_UNAVAILABLE if they cannot be enforced.
    ask: the agent may ask questions and wait for answers; None takes the project's setting.
    hold: do not start the job until it is released.
    system_prompt: text to add to the agent's system prompt; an agent without that option gets it before the task.
    umask: the file mode creation mask of its processes, from 0 to 511 (0o777); None takes the daemon's.
    model, permission_mode, args: for the agent, see docs/agents.md: its model, what it may do without asking, and more
    arguments. None takes the project's, else the agent's; `args` follow those of the configuration. Refused with
    UNSUPPORTED_OPTION if the agent has no such option.
    name: usable wherever an id is: of the form NODE_NAME, not only digits, and not an id. Several jobs may have the
    same: it refers to the one that has not ended, else to the newest.
    review: when the job has completed, a person decides about its work (`accept`, `reject`, `discard`). Jobs that
    depend on it wait for that; after a rejection, those that need it completed are skipped.
    race: the race that it is part of. Its id has the form NODE_NAME and becomes the tag `race`. The worktrees of all
    racers, which are required, begin at the commit of the first one. A person decides about their work as with
    `review`, but jobs that depend on them do not wait for that.
    session: the agent's session that the first attempt resumes, with `task` as its next message; an agent may find it
    only in the directory where it began (`cwd`). Refused with NO_SESSION if the agent cannot resume one.
    parent: the job that dispatches it. Cancelling that job cancels this one. Ignored if this daemon does not know it.
    """

    project: str
    task: str | None = None
    argv: list[str] | None = None
    agent: str | None = None
    key: str | None = None
    env: dict[str, str] = {}
    client_env: dict[str, str] = {}
    cwd: str | None = None
    timeout_s: float | None = None
    not_before: AwareTime | None = None
    retries: int | None = None
    retry_on: list[Outcome] | None = None
    backoff_s: list[float] | None = None
    expires_s: float | None = None
    job_timeout_s: float | None = None
    auto_resume: bool | None = None
    max_cost_usd: float | None = None
    max_turns: int | None = None
    after: list[str] = []
    after_any: list[str] = []
    after_fail: list[str] = []
    tags: dict[str, str] = {}
    stall_timeout_s: float | None = None
    worktree: bool | None = None
    priority: int | None = None
    needs: dict[str, int] = {}
    cpus: float | None = None
    memory_bytes: int | None = None
    max_memory_bytes: int | None = None
    max_processes: int | None = None
    max_cpus: float | None = None
    ask: bool | None = None
    start_in_s: float | None = None
    hold: bool = False
    parent: str | None = None
    system_prompt: str | None = None
    umask: int | None = None
    model: str | None = None
    permission_mode: str | None = None
    args: list[str] = []
    name: str = ""
    base: str | None = None
    with_work: bool = False
    session: str | None = None
    review: bool = False
    race: Race | None = None
    executor: str | None = None
    gpus: float | None = None
