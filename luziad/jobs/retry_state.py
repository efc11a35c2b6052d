"""The state of a job with more than one attempt, or with an attempt that waits. Pure; times are epoch seconds."""

from __future__ import annotations

import re

import msgspec
from msgspec import field

from luziad.clocks.clock import SteadyTime

SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""A session id that may be part of a command; the output of an agent can contain anything."""


class Continuation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The agent's session that an attempt resumes, and the message to send to it; None to continue the task."""

    session: str
    message: str | None = None


class RetryState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The part of a job's status that only jobs with several attempts have.

    requested_at, first_attempt: when a user last requested a retry, and the number of its first attempt.
    retries, max_retries: attempts added by the retry policy since then, and the most that it may add.
    overload_retries: attempts added after an overload of the agent's server.
    limit_resumes: attempts added after usage limits.
    not_before: the earliest start of the next attempt; 0 starts it at once, whatever the spec says.
    limited_until: the end of the usage limit that the job has hit.
    requested_steady, not_before_steady, limited_until_steady: the same on the steady clock, where they were computed
    from a delay. started_steady: the start of the first attempt of a job with a timeout.
    continuation: what the next attempt resumes. messages: follow-ups to send after it, in order.
    description: the next attempt as text, such as `retry 2 of 3`.
    """

    requested_at: float | None = field(default=None, name="asked_at")
    first_attempt: int = field(default=1, name="first")
    retries: int = 0
    max_retries: int = field(default=0, name="most")
    overload_retries: int = field(default=0, name="overloads")
    limit_resumes: int = field(default=0, name="limits")
    not_before: float | None = None
    limited_until: float | None = None
    continuation: Continuation | None = field(default=None, name="given")
    messages: tuple[str, ...] = ()
    description: str = field(default="", name="what")
    requested_steady: SteadyTime | None = field(default=None, name="asked")
    not_before_steady: SteadyTime | None = field(default=None, name="start")
    limited_until_steady: SteadyTime | None = field(default=None, name="limited")
    started_steady: SteadyTime | None = field(default=None, name="begun")
