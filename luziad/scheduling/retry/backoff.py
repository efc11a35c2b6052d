"""Whether a policy has another retry, and its random delay. Pure: the caller provides the random number."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from luzia_protocol.jobs import Outcome

_MOST_DOUBLINGS = 60


class RetryPolicy(NamedTuple):
    """retries: the number of attempts after the first. on: the outcomes that are retried.

    first_s: the longest delay of the first retry in seconds; it doubles with each one. most_s: the longest of all.
    """

    retries: int
    on: Collection[Outcome]
    first_s: float
    most_s: float


def decide(outcome: Outcome, policy: RetryPolicy, attempt: int, random: float) -> float | None:
    """The seconds until the next attempt after one that has ended; None when there is none.

    attempt: its number among those that count, from 1. random: from 0 up to 1; full jitter, so that jobs that failed
    together are not retried together.
    """
    if outcome not in policy.on or attempt > policy.retries:
        return None
    doublings = min(attempt - 1, _MOST_DOUBLINGS)
    return random * min(policy.most_s, policy.first_s * 2.0**doublings)
