"""How long a job has waited in the queue. Pure; times are epoch seconds of the wall clock."""

from __future__ import annotations

from luziad.jobs.record import AttemptRecord, JobRecord


def waited_s(record: JobRecord, attempt: AttemptRecord | None, now: float) -> float | None:
    """Seconds that an attempt has waited for its start, or without one the seconds since the job was queued last.

    None when the time at which it was queued is not known.
    """
    following = len(record.status.attempts) if attempt is None else attempt.number - 1
    queued_at = _queued_at(record, following)
    if queued_at is None:
        return None
    return max(0.0, (now if attempt is None else attempt.starting_at) - queued_at)


def _queued_at(record: JobRecord, earlier: int) -> float | None:
    """When the job was queued for an attempt. earlier: the number of attempts before it."""
    retry = record.status.retry_state
    requested = 0 if retry is None or retry.requested_at is None else retry.first_attempt - 1
    for before in reversed(record.status.attempts[requested:earlier]):
        if before.ended_at is not None or before.started_at is not None:
            return before.ended_at
        # It was put back without a start, and has waited on.
    return record.spec.created_at if requested == 0 or retry is None else retry.requested_at
