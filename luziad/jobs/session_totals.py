"""The totals of agents' sessions over the attempts of a job. Pure.

Claude and Codex report what a session has used with all its attempts. What an attempt has used itself is the difference
to the attempt before it in the same session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from msgspec.structs import replace

from luzia_protocol.activity import Activity, SessionTotals

from luziad.jobs.record import AttemptRecord, JobRecord

NO_TOTALS = SessionTotals()
COST_DIGITS = 9
"""Differences and sums of costs are rounded to a billionth of a dollar, which hides the error of binary fractions."""
_CLAUDE = "claude"
_REPORT_TOTALS = (_CLAUDE, "codex")


def totals_before(attempts: Sequence[AttemptRecord], number: int) -> dict[str, SessionTotals]:
    """The totals of each session before the attempt with this number."""
    known = [each.activity for each in attempts if each.number < number and each.activity is not None]
    return {each.session: each.totals for each in known if each.session is not None and each.totals is not None}


def session_totals_before(
    records: Iterable[JobRecord], record: JobRecord, attempt: AttemptRecord
) -> dict[str, SessionTotals]:
    """The totals of each session before this attempt of a job, also those that another of the jobs has added."""
    totals = totals_before(record.status.attempts, attempt.number)
    if attempt.continuation is None or record.spec.agent not in _REPORT_TOTALS:
        return totals
    session = attempt.continuation.session
    others = (each for other in records if other.spec.agent == record.spec.agent for each in other.status.attempts)
    known = [
        (each.starting_at, each.activity.totals)
        for each in others
        if each.starting_at < attempt.starting_at
        and each.activity is not None
        and each.activity.session == session
        and each.activity.totals is not None
    ]
    return totals | {session: max(known, key=itemgetter(0))[1]} if known else totals


def growth(before: SessionTotals, totals: SessionTotals) -> SessionTotals:
    """What totals have grown by; all of them when they are less than before, since they began again at zero."""
    counted = before if totals.tokens_in + totals.tokens_out >= before.tokens_in + before.tokens_out else NO_TOTALS
    paid_usd = before.cost_usd if totals.cost_usd >= before.cost_usd else 0.0
    return SessionTotals(
        max(0, totals.tokens_in - counted.tokens_in),
        max(0, totals.tokens_out - counted.tokens_out),
        max(0, totals.tokens_cached - counted.tokens_cached),
        round(totals.cost_usd - paid_usd, COST_DIGITS),
    )


def restores_totals(claude_version: str | None) -> bool:
    """Whether Claude's totals of a resumed session include those of before: in versions from 2.1.277 on."""
    numbers = tuple(int(number) for number in (claude_version or "").split(".") if number.isdecimal())
    return not numbers or numbers >= (2, 1, 277)


def separate_attempts(attempts: Sequence[AttemptRecord], agent: str) -> None:
    """Give each attempt its own tokens and cost, where it was recorded with the totals of its session.

    Attempts without `totals` were, by daemons that did not know of them.
    """
    if agent not in _REPORT_TOTALS or len(attempts) < 2:
        return
    for attempt in attempts:
        activity = attempt.activity
        if activity is not None and activity.session is not None and activity.totals is None:
            before = totals_before(attempts, attempt.number).get(activity.session, NO_TOTALS)
            attempt.activity = _own_part(activity, before, agent)


def _own_part(activity: Activity, before: SessionTotals, agent: str) -> Activity:
    totals = SessionTotals(
        activity.tokens_in or 0, activity.tokens_out or 0, activity.tokens_cached or 0, activity.cost_usd or 0.0
    )
    if activity.tokens_in is None or (agent == _CLAUDE and activity.cost_usd is None):
        return replace(activity, totals=before)  # it ended before the totals were reported
    if agent == _CLAUDE and not restores_totals(activity.version):
        return replace(activity, totals=totals)
    own = growth(before, totals)
    return replace(
        activity,
        tokens_in=own.tokens_in,
        tokens_out=own.tokens_out,
        tokens_cached=own.tokens_cached,
        cost_usd=own.cost_usd or None,
        totals=totals,
    )
