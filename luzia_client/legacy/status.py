"""Jobs as older luzia code expects them: dicts with the older status words."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from luzia_protocol.jobs import OUTCOME_STATES, Attempt, Job, JobState

OldStatus = dict[str, Any]

OLD_WORDS = {
    JobState.QUEUED: "pending",
    JobState.STARTING: "running",
    JobState.RUNNING: "running",
    JobState.PAUSED: "running",
    JobState.WAITING: "running",
    JobState.STOPPING: "running",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "killed",
    JobState.TIMED_OUT: "failed",
    JobState.SKIPPED: "failed",
    JobState.LOST: "failed",
}
"""State -> its older status. Older code has three final ones, and polls until it sees one."""

KILL_WORDS = frozenset({"killed", "cancelled", "canceled"})


def old_status(job: Job) -> OldStatus:
    """The job as a dict.

    progress is 0 to 100, and 0 where it is not known; times are RFC 3339 text or None; message says what the job is
    doing, what it is waiting for, or why it failed; history has a dict for each change: status, message and at.
    """
    progress = job.progress
    completed = job.state is JobState.COMPLETED
    percent = 100 if completed else min(progress.percent or 0, 99) if progress is not None else 0
    activity = (progress.label or progress.phase) if progress is not None else None
    updated = max(moment for moment in (job.created_at, job.started_at, job.ended_at) if moment is not None)
    return {
        "id": job.id,
        "project": job.project,
        "task": job.task,
        "status": OLD_WORDS[job.state],
        "progress": percent,
        "message": job.reason or activity or job.state.value.replace("_", " "),
        "dispatched_at": _text(job.created_at),
        "started_at": _text(job.started_at),
        "updated_at": _text(updated),
        "completed_at": _text(job.ended_at),
        "exit_code": job.exit_code,
        "history": _history(job),
    }


def _history(job: Job) -> list[dict[str, str]]:
    """The changes of the job, oldest first; of a listed job, which has no attempts, those of its newest attempt."""
    attempts: list[Attempt | Job] = [*job.attempts] if job.attempts else [job]
    changes = [("pending", "", job.created_at)]
    for attempt in attempts:
        if attempt.started_at is not None:
            changes.append(("running", "", attempt.started_at))
        if attempt.ended_at is not None and attempt.outcome is not None:
            changes.append((OLD_WORDS[OUTCOME_STATES[attempt.outcome]], attempt.reason or "", attempt.ended_at))
    return [{"status": word, "message": message, "at": moment.isoformat()} for word, message, moment in changes]


def parse_percent(value: object) -> int | None:
    """A percentage as a whole number from 0 to 100; numbers outside are clamped. None if it is not a number."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else int(min(max(number, 0.0), 100.0))


def states_of(word: str | None) -> list[JobState]:
    """The states with an older status; none for None. Current states are accepted as well.

    Raises ValueError for any other word.
    """
    if word is None:
        return []
    old = "killed" if word in KILL_WORDS else word
    states = [state for state, known in OLD_WORDS.items() if known == old]
    return states or [JobState(word)]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
