"""The job's state machine, as data. Pure.

A job is in one JobState. A Trigger happens to it, and `next_state` gives the state that follows. TRANSITIONS lists the
transitions, and IGNORED the triggers that change nothing because they are late or repeated. Every other pair is an
error of the caller: `next_state` raises IllegalTransitionError and nothing changes. A test covers the whole product of
states and triggers, and the diagram in docs/architecture.md is generated from TRANSITIONS.
"""

from __future__ import annotations

from enum import StrEnum

from luzia_protocol.jobs import FINAL_STATES, JobState

S = JobState


class Trigger(StrEnum):
    """What can happen to a job. The triggers in ENDS end it."""

    GRANTED = "granted"
    """A slot was granted: the next attempt is about to start."""
    STARTED = "started"
    """The attempt's agent has started."""
    NEVER_STARTED = "never_started"
    """The attempt was fenced before its agent started."""
    STOP = "stop"
    """A user or a limit stops the attempt."""
    PAUSE = "pause"
    RESUME = "resume"
    ASK = "ask"
    """The agent asks a question and waits for the answer."""
    ANSWER = "answer"
    RETRY = "retry"
    """A user retries a job that is final."""
    REQUEUE = "requeue"
    """The attempt has ended, and the daemon adds another one."""
    ATTACH = "attach"
    """A user takes over the agent's session, in a terminal."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    LOST = "lost"


T = Trigger

ENDS = {T(state.value): state for state in FINAL_STATES}
"""The triggers that end a job, and the final state that each leads to."""

_ACTIVE = (S.STARTING, S.RUNNING, S.PAUSED, S.WAITING, S.STOPPING)
_ATTEMPT_ENDS = (T.COMPLETED, T.FAILED, T.CANCELLED, T.TIMED_OUT, T.LOST)

TRANSITIONS: dict[tuple[JobState, Trigger], JobState] = {
    (S.QUEUED, T.GRANTED): S.STARTING,
    (S.QUEUED, T.CANCELLED): S.CANCELLED,
    (S.QUEUED, T.SKIPPED): S.SKIPPED,
    (S.QUEUED, T.TIMED_OUT): S.TIMED_OUT,
    (S.QUEUED, T.FAILED): S.FAILED,
    (S.STARTING, T.STARTED): S.RUNNING,
    (S.STARTING, T.NEVER_STARTED): S.QUEUED,
    (S.STARTING, T.STOP): S.STOPPING,
    (S.RUNNING, T.PAUSE): S.PAUSED,
    (S.RUNNING, T.ASK): S.WAITING,
    (S.RUNNING, T.STOP): S.STOPPING,
    (S.PAUSED, T.RESUME): S.RUNNING,
    (S.PAUSED, T.STOP): S.STOPPING,
    (S.WAITING, T.ANSWER): S.RUNNING,
    (S.WAITING, T.STOP): S.STOPPING,
    **{(state, end): ENDS[end] for state in _ACTIVE for end in _ATTEMPT_ENDS},
    **{(state, T.REQUEUE): S.QUEUED for state in _ACTIVE},
    **{(state, T.RETRY): S.QUEUED for state in FINAL_STATES},
    **{(state, T.ATTACH): S.RUNNING for state in (S.QUEUED, S.STOPPING, *FINAL_STATES)},
}

IGNORED: frozenset[tuple[JobState, Trigger]] = frozenset(
    {
        (S.RUNNING, T.STARTED),
        (S.RUNNING, T.RESUME),
        (S.RUNNING, T.ANSWER),
        (S.PAUSED, T.STARTED),
        (S.PAUSED, T.PAUSE),
        (S.WAITING, T.STARTED),
        (S.WAITING, T.ASK),
        (S.STOPPING, T.STARTED),
        (S.STOPPING, T.STOP),
        (S.STOPPING, T.PAUSE),
        (S.STOPPING, T.RESUME),
        (S.STOPPING, T.ASK),
        (S.STOPPING, T.ANSWER),
        *((state, T.STARTED) for state in FINAL_STATES),
        *((state, T.ASK) for state in FINAL_STATES),
    }
)


class IllegalTransitionError(Exception):
    """The trigger cannot happen in this state; the job is unchanged."""

    def __init__(self, state: JobState, trigger: Trigger) -> None:
        super().__init__(f"{trigger} cannot happen to a job that is {state}")
        self.state = state
        self.trigger = trigger


def next_state(state: JobState, trigger: Trigger) -> JobState | None:
    """The state after `trigger`, or None when it changes nothing. Raises IllegalTransitionError."""
    after = TRANSITIONS.get((state, trigger))
    if after is None and (state, trigger) not in IGNORED:
        raise IllegalTransitionError(state, trigger)
    return after
