"""One attempt as plain values: what the scheduler, executors and adapters share. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

import msgspec

from luzia_protocol.jobs import Outcome, Usage
from luzia_protocol.times import is_moment

MAX_AMOUNT = 2**53
"""No number that is recorded is as large; beyond it, clients would not read what is sent."""
_MAX_SIGNAL_CHARS = 20


class AttemptRef(NamedTuple):
    """Identifies an attempt: the job's id and the attempt's number, from 1."""

    job: str
    attempt: int


class ExitRecord(msgspec.Struct, frozen=True, tag="ExitRecord"):
    """The shim's exit record: how the agent ended, or why it could not be started.

    exit_code and signal (a name such as SIGKILL) exclude each other; both are None when `error` says why the
    agent could not be started. stopped: the shim was told to end the attempt. Times are epoch seconds;
    duration_s is from a clock that does not jump. memory_limit_bytes: the limit, when the kernel killed a process of
    the attempt because of it. memory_killer: what has killed processes of it because memory outside of it was low.
    lost_bytes: how much of its stdout the job has truncated, as far as the shim has seen it.
    shortage: with `error`, that the machine lacked something, so that a later attempt may start.
    is_shutdown: the machine or the session was going down, so the agent has not ended by itself.
    """

    exit_code: int | None
    signal: str | None
    error: str | None
    stopped: bool
    started_at: float
    ended_at: float
    duration_s: float
    usage: Usage
    memory_limit_bytes: int | None = None
    lost_bytes: int = 0
    shortage: bool = False
    is_shutdown: bool = False
    memory_killer: Literal["systemd-oomd", "kernel"] | None = None

    @property
    def is_shortage(self) -> bool:
        """Whether the agent was not started because the machine lacked something."""
        return self.shortage and self.error is not None and not self.stopped

    def is_valid(self) -> bool:
        """Whether its values are ones that a shim writes; the job can write to the file as well."""
        used, limit = self.usage, self.memory_limit_bytes
        return (
            (self.exit_code is None or 0 <= self.exit_code <= 255)
            and len(self.signal or "") <= _MAX_SIGNAL_CHARS
            and is_moment(self.started_at)
            and is_moment(self.ended_at)
            and all(0 <= value < MAX_AMOUNT for value in (self.duration_s, used.user_s or 0, used.system_s or 0))
            and all(0 <= value < MAX_AMOUNT for value in (used.max_rss_bytes or 0, limit or 0))
        )


class NotStarted(msgspec.Struct, frozen=True, tag="NotStarted"):
    """The agent was certainly not started, and the attempt is fenced: it can no longer start.

    is_shortage: the machine lacked something.
    """

    reason: str
    is_shortage: bool = False


class LostAttempt(msgspec.Struct, frozen=True, tag="Lost"):
    """The agent was started, and how it ended cannot be known."""

    reason: str


AttemptEnd = ExitRecord | NotStarted | LostAttempt


class FailureCause(Enum):
    """Why an agent has failed, as far as its output tells; it decides what follows.

    USAGE_LIMIT: an allowance is used up, and returns by itself. OVERLOAD: a server is busy, and a later attempt may
    succeed. BUDGET: the agent has stopped at its budget. ACCOUNT: credits, billing or the plan; waiting does not help.
    CREDENTIALS: it is not logged in, or its key is invalid. REQUEST: this request is refused, such as one that is too
    long. SUSPECTED: its words name a quota, a limit or credits, and are not known.
    """

    USAGE_LIMIT = "usage limit"
    OVERLOAD = "overload"
    BUDGET = "budget"
    ACCOUNT = "account"
    CREDENTIALS = "credentials"
    REQUEST = "request"
    SUSPECTED = "suspected limit"


class Verdict(msgspec.Struct, frozen=True):
    """How an attempt ended, with the reason as text (None when there is nothing to add).

    cause: why its agent has failed; None when it is unknown or does not matter.
    """

    outcome: Outcome
    reason: str | None = None
    cause: FailureCause | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A person's answer to an agent's question.

    question: its id. allow: False denies it. texts: the reason for denying, or the answer to each part.
    """

    question: str
    allow: bool
    texts: list[str] = []


class Attached(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A user's use of the session in a terminal, which is the attempt.

    uid, user: the user, and the name of the user then. pid, start_time, boot: the process in the terminal, and the boot
    during which it started.
    continues: another attempt follows. before, reason: the job's outcome before, if it had ended. held_at: when the job
    had been put on hold, which it is again afterwards.
    """

    uid: int
    user: str
    pid: int
    start_time: int
    boot: str
    continues: bool = False
    before: Outcome | None = None
    reason: str | None = None
    held_at: float | None = None


class Pauses(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How long an attempt has been paused, which its timeout does not count.

    Times are seconds of a clock that stops while the machine sleeps. since_s: the start of the current pause.
    total_s: the length of all earlier pauses.
    """

    since_s: float | None = None
    total_s: float = 0.0

    def begin(self, now_s: float) -> Pauses:
        """Begin a pause, unless one has begun."""
        return self if self.since_s is not None else Pauses(now_s, self.total_s)

    def end(self, now_s: float) -> Pauses:
        """End the pause."""
        return Pauses(None, self.total_at_s(now_s))

    def total_at_s(self, now_s: float) -> float:
        """The length of all pauses, with the current one."""
        return self.total_s + (0.0 if self.since_s is None else max(0.0, now_s - self.since_s))


NO_PAUSES = Pauses()
