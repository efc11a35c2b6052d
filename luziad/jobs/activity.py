"""An agent's activity: its short form, that of a job, and what it changes in the job's progress. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

from luziad.jobs.record import AttemptRecord
from luziad.jobs.session_totals import COST_DIGITS

V = TypeVar("V")
N = TypeVar("N", int, float)

MAX_TOOLS = 100
MAX_FILES = 100
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
    return msgspec.structs.replace(activity, tools={}, files=[], plan=[], asked=[], last_message=message, totals=None)


def job_activity(attempts: Sequence[AttemptRecord], *, waits: bool) -> Activity | None:
    """The activity of a job: what all its attempts have done, and what the newest one is doing, unless the job `waits`.

    None when no output was read. The plan is that of the newest session. Files are in the order of their first change.
    """
    known = [each.activity for each in attempts if each.activity is not None]
    if not known:
        return None
    current = None if waits else attempts[-1].activity
    if len(known) == 1 and current is not None:
        return msgspec.structs.replace(current, totals=None)
    now, newest = current or Activity(), known[-1]
    planned = next((each for each in reversed(known) if each.plan_total is not None), newest)
    plan = planned if planned.session == newest.session else newest
    cost_usd = _sum([each.cost_usd for each in known])
    tools: Counter[str] = sum((Counter(each.tools) for each in known), Counter())
    files = [*dict.fromkeys(path for each in known for path in each.files)]
    return msgspec.structs.replace(
        now,
        session=_newest(known, lambda each: each.session),
        model=_newest(known, lambda each: each.model),
        version=_newest(known, lambda each: each.version),
        turns=sum(each.turns for each in known),
        tool_calls=sum(each.tool_calls for each in known),
        tools=dict([*tools.items()][:MAX_TOOLS]),
        files=files[:MAX_FILES],
        file_count=max(len(files), *(each.file_count for each in known)),
        more_files=any(each.more_files or each.file_count > len(each.files) for each in known),
        plan=plan.plan,
        plan_done=plan.plan_done,
        plan_total=plan.plan_total,
        tokens_in=_sum([each.tokens_in for each in known]),
        tokens_out=_sum([each.tokens_out for each in known]),
        tokens_cached=_sum([each.tokens_cached for each in known]),
        cost_usd=None if cost_usd is None else round(cost_usd, COST_DIGITS),
        last_message=_newest(known, lambda each: each.last_message),
        totals=None,
    )


def _newest(known: Sequence[Activity], field: Callable[[Activity], V | None]) -> V | None:
    return next((value for each in reversed(known) if (value := field(each)) is not None), None)


def _sum(values: Sequence[N | None]) -> N | None:
    """The sum of the values that are known; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], start=known[0]) if known else None


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
