"""The job's state machine, as data. Pure.

A job is in one JobState. Something happens to it (a Trigger), and `move` says which state it is in then.
TRANSITIONS holds the moves and IGNORED what may happen without changing anything: late or repeated news.
Every other pair is a mistake of the caller's: `move` raises IllegalTransitionError and nothing changes. A test
walks the whole product of states and triggers, and the diagram in docs/architecture.md is made from TRANSITIONS.
"""

from __future__ import annotations

from enum import StrEnum

from luzia_protocol.jobs import FINAL_STATES, JobState

S = JobState


class Trigger(StrEnum):
    """What can happen to a job. The ones of ENDS end it, the others keep it alive."""

    GRANTED = "granted"
    """A slot was given: the next attempt is about to start."""
    STARTED = "started"
    """The attempt's agent runs."""
    NEVER_STARTED = "never_started"
    """The attempt is fenced before its agent ran."""
    STOP = "stop"
    """Somebody or a limit asked to end the attempt."""
    PAUSE = "pause"
    RESUME = "resume"
    ASK = "ask"
    """The agent waits for a person."""
    ANSWER = "answer"
    RETRY = "retry"
    """A person wants another attempt of a job that is final."""
    AGAIN = "again"
    """The attempt has ended, and its job is to have another one by itself."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    LOST = "lost"


T = Trigger

ENDS = {T(state.value): state for state in FINAL_STATES}
"""The triggers that end a job, and the final state each leads to."""

_UNDER_WAY = (S.STARTING, S.RUNNING, S.PAUSED, S.WAITING, S.STOPPING)
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
    **{(state, end): ENDS[end] for state in _UNDER_WAY for end in _ATTEMPT_ENDS},
    **{(state, T.AGAIN): S.QUEUED for state in _UNDER_WAY},
    **{(state, T.RETRY): S.QUEUED for state in FINAL_STATES},
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
    """The trigger cannot happen in this state; the job is as it was."""

    def __init__(self, state: JobState, trigger: Trigger) -> None:
        super().__init__(f"{trigger} cannot happen to a job that is {state}")
        self.state = state
        self.trigger = trigger


def move(state: JobState, trigger: Trigger) -> JobState | None:
    """The state after `trigger`, or None when it changes nothing. Raises IllegalTransitionError."""
    after = TRANSITIONS.get((state, trigger))
    if after is None and (state, trigger) not in IGNORED:
        raise IllegalTransitionError(state, trigger)
    return after
