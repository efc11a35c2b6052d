"""What is understood of an agent's work: the short form of it, and what it means for a job's progress. Pure."""

from __future__ import annotations

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

BRIEF_MESSAGE = 200
PLAN = "plan"
"""The label of a progress that was counted in the agent's own plan."""


def brief(activity: Activity | None) -> Activity | None:
    """The activity as lists and events have it: its numbers, without what can be long."""
    if activity is None:
        return None
    message = activity.last_message
    if message is not None and len(message) > BRIEF_MESSAGE:
        message = message[: BRIEF_MESSAGE - 1] + "…"
    return msgspec.structs.replace(activity, tools={}, files=[], plan=[], asked=[], last_message=message)


def is_news(activity: Activity, told: Activity | None, sign_gap_s: float) -> bool:
    """True when the activity differs from what was told, or its last sign of life is later by more than the gap."""
    if told is None:
        return True
    if activity.last_sign_at == told.last_sign_at:
        return activity != told
    if msgspec.structs.replace(told, last_sign_at=activity.last_sign_at) != activity:
        return True
    before, now = told.last_sign_at, activity.last_sign_at
    return before is None or (now is not None and (now - before).total_seconds() > sign_gap_s)


def merged(known: Progress | None, read: Progress | None) -> Progress | None:
    """The job's progress after the agent's output told of it.

    What the job has reported itself stays: its output only adds what the agent does now.
    """
    if read is None:
        return known
    if known is None or known.label == PLAN or (known.label is None and known.percent is None):
        return read
    return msgspec.structs.replace(known, phase=read.phase)
