"""Whether an attempt that has ended is followed by another one, and when. Pure: the dice are rolled by the caller."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from luzia_protocol.jobs import Outcome

_MOST_DOUBLINGS = 60


class RetryPolicy(NamedTuple):
    """retries: attempts that may follow the first. on: the outcomes after which they do.

    first_s: seconds up to which the first retry waits; it doubles with each one. most_s: no retry waits longer.
    """

    retries: int
    on: Collection[Outcome]
    first_s: float
    most_s: float


class RetryDecision(NamedTuple):
    """delay_s: seconds to wait before the next attempt; None when there is none."""

    delay_s: float | None


def decide(outcome: Outcome, policy: RetryPolicy, attempt: int, random: float) -> RetryDecision:
    """What follows an attempt.

    attempt: its number among those that count, from 1. random: from 0 up to 1; with full jitter jobs that failed
    together do not come back together.
    """
    if outcome not in policy.on or attempt > policy.retries:
        return RetryDecision(None)
    doublings = min(attempt - 1, _MOST_DOUBLINGS)
    return RetryDecision(random * min(policy.most_s, policy.first_s * 2.0**doublings))
