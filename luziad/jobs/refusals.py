"""The refusal of a request that a job's state does not allow, with a hint that fits the state. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.clocks.format import format_time
from luziad.jobs.record import JobRecord

_ENDED = {
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "been cancelled",
    JobState.TIMED_OUT: "timed out",
    JobState.SKIPPED: "been skipped",
    JobState.LOST: "been lost",
}
_RETRY = "Run it again with `luzia retry {job}`."
_ANSWER = "Answer its question with `luzia answer {job} …`."
_END = "Wait for its end (`luzia wait {job}`), or cancel it (`luzia cancel {job}`)."

PAUSE = {JobState.QUEUED: "To keep it from starting, use `luzia hold {job}`.", JobState.WAITING: _ANSWER}
RESUME = {JobState.QUEUED: "It starts by itself; if it is held, use `luzia release {job}`.", JobState.WAITING: _ANSWER}
HOLD = {
    JobState.STARTING: "To suspend it, use `luzia pause {job}`.",
    JobState.RUNNING: "To suspend it, use `luzia pause {job}`.",
    JobState.PAUSED: "To resume it, use `luzia resume {job}`.",
    JobState.WAITING: _ANSWER,
    JobState.STOPPING: _END,
}
RELEASE = dict.fromkeys(JobState, "It is not held: it has started.") | {
    JobState.PAUSED: "To resume it, use `luzia resume {job}`.",
    JobState.WAITING: _ANSWER,
}
EDIT: Mapping[JobState, str] = {}
PROGRESS = {JobState.QUEUED: "Report progress from inside a running job, where LUZIA_JOB_ID is its id."}
UNTIL_ENDED = {state: _END for state in JobState if not state.is_final} | {
    JobState.QUEUED: "Cancel it with `luzia cancel {job}`."
}
RETRY = UNTIL_ENDED | {JobState.QUEUED: "It is going to run: `luzia why {job}` shows what it waits for."}
"""For each request, the hints by state; other states have the hint of `wrong_state`."""


def is_attached(record: JobRecord) -> bool:
    """Whether a user works in the session of the job in a terminal."""
    attempt = record.attempt
    return attempt is not None and attempt.attached is not None and attempt.ended_at is None


def describe_attached(record: JobRecord) -> str:
    """`root works in its session since 14:05, in process 123`."""
    attempt = record.attempt
    assert attempt is not None
    assert attempt.attached is not None
    since = format_time(attempt.starting_at)
    return f"{attempt.attached.user} works in its session since {since}, in process {attempt.attached.pid}"


def attached_refusal(record: JobRecord) -> Refused:
    """The refusal of a request while a user works in the job's session."""
    hint = f"Wait until the user leaves, or let the job continue in the background: `luzia detach {record.id}`."
    return Refused(ErrorCode.JOB_ATTACHED, f"job {record.id} is attached: {describe_attached(record)}", hint)


def wrong_state(record: JobRecord, code: ErrorCode, hints: Mapping[JobState, str]) -> Refused:
    """The refusal of a request. hints: by state, with {job} for the id; a finished job can always be retried."""
    state, job = record.status.state, record.id
    if is_attached(record):
        return attached_refusal(record)
    if state.is_final:
        return Refused(code, f"job {job} has already {_ENDED[state]}", _RETRY.format(job=job))
    default = _END if code is ErrorCode.JOB_NOT_RUNNING else ""
    return Refused(code, f"job {job} is {state}", hints.get(state, default).format(job=job))
