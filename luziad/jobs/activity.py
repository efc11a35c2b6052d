"""An agent's activity: its short form, and what it changes in a job's progress. Pure."""

from __future__ import annotations

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

SHORT_MESSAGE_CHARS = 200
PLAN_LABEL = "plan"
"""The label of progress that was counted in the agent's plan."""


def shorten(activity: Activity | None) -> Activity | None:
    """The activity as shown in lists and events: without the parts that can be long."""
    if activity is None:
        return None
    message = activity.last_message
    if message is not None and len(message) > SHORT_MESSAGE_CHARS:
        message = message[: SHORT_MESSAGE_CHARS - 1] + "…"
    return msgspec.structs.replace(activity, tools={}, files=[], plan=[], asked=[], last_message=message)


def has_news(activity: Activity, reported: Activity | None, gap_s: float) -> bool:
    """Whether the activity differs from the one reported last, or is newer than it by more than the gap."""
    if reported is None:
        return True
    if activity.last_sign_at == reported.last_sign_at:
        return activity != reported
    if msgspec.structs.replace(reported, last_sign_at=activity.last_sign_at) != activity:
        return True
    before, now = reported.last_sign_at, activity.last_sign_at
    return before is None or (now is not None and (now - before).total_seconds() > gap_s)


def merge_progress(current: Progress | None, read: Progress | None) -> Progress | None:
    """The job's progress after the agent's output reported of it.

    What the job has reported itself stays: its output only adds what the agent does now.
    """
    if read is None:
        return current
    if current is None or current.label == PLAN_LABEL or (current.label is None and current.percent is None):
        return read
    return msgspec.structs.replace(current, phase=read.phase)
