"""The dispatch: what a job is asked for with, also as a part of other requests.

A change here is a change of the protocol: see version.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.jobs import Outcome

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Dispatch(Base, tag="dispatch"):
    """Accept a job. Exactly one of `task` and `argv` is given. Answered by replies.DispatchResult.

    project: a configured name, or an absolute path of a directory.
    task: what the agent is to do, at most MAX_TASK_BYTES bytes of UTF-8 without NUL.
    argv: an exact command, run without a shell and without an agent.
    agent: a name from `agents`; None takes the project's, the default one, or the first that is installed.
    key: the same key returns the same job, also after a crash of either side.
    env: variables for this job alone; their values are kept from every answer.
    client_env: variables of the caller's that the job inherits (the list stands in protocol/README.md).
    cwd: where to run instead of the project's directory, absolute.
    timeout_s: seconds the attempt may run; None takes the project's.
    not_before: the job waits until then, on the wall clock. start_in_s: or so many seconds, however that is set.
    retries, retry_on, backoff_s: how many attempts may follow the first by themselves; the outcomes after which they
    do; one or two numbers, the seconds up to which the first of them waits, and up to which any does.
    expires_s: the job ends when its first attempt has not begun so many seconds after it could.
    job_timeout_s: seconds for all its attempts and the waits between them.
    max_cost_usd, max_turns: end the job when it costs more, by its agent's own estimate, or takes more turns.
    auto_resume: wait for the end of a usage limit and go on; None takes the project's.
    after, after_any, after_fail: jobs that must complete, end in whatever way, or fail before this one starts;
    when they end otherwise it is skipped. Together at most MAX_PARENTS.
    tags: words of the caller's about the job, by which jobs are selected; at most MAX_TAGS.
    stall_timeout_s: seconds that the attempt may go without a sign of life; None takes the project's.
    worktree: run in a git worktree of the job's own; None takes the project's setting.
    priority: -MAX_PRIORITY to MAX_PRIORITY, higher ones start first; None takes the project's, or 0.
    needs: resources of the configuration, and how much of each is kept for the job while it runs.
    cpus, memory_bytes: what is kept for it of the machine; that it takes no more is not enforced.
    max_memory_bytes, max_processes, max_cpus: what all its processes may use together at most; None takes the
    project's. Refused with LIMIT_UNAVAILABLE where that cannot be enforced.
    ask: the agent may ask, and waits for an answer; None takes the project's setting.
    hold: the job does not start until it is released.
    parent: the job from inside which it is dispatched, and with which it is cancelled; nothing of that when this luzia
    does not know it.
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
    not_before: Moment | None = None
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
