"""Decides what follows an attempt that has ended: another one, by the job's policy, or the end of the job."""

from __future__ import annotations

import random
import time
from typing import TypeVar

import msgspec

from luzia_protocol.jobs import JobState, Outcome, Terms

from luziad.agents.base import Verdict
from luziad.core.again import Again
from luziad.core.record import JobRecord
from luziad.core.retry import RetryPolicy, decide
from luziad.launching import Launcher

T = TypeVar("T")


class Renewal:
    """Knows the policies, from the job's terms and the launcher's configuration."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def next_attempt(self, record: JobRecord, verdict: Verdict) -> str | None:
        """Why the job is queued again after an attempt, with what it waits for in its fate; None when it has ended."""
        again, policy = record.fate.again or Again(), self._policy(record)
        delay_s = decide(verdict.outcome, policy, again.retries + 1, random.random()).delay_s
        if delay_s is None:
            return None
        again = msgspec.structs.replace(
            again, retries=again.retries + 1, most=policy.retries, not_before=time.time() + delay_s
        )
        record.fate.again = again
        return f"{again.what} in {delay_s:.1f} s: {verdict.reason or verdict.outcome.value}"

    def final(self, record: JobRecord, verdict: Verdict) -> Verdict:
        """The verdict on the job: that on its last attempt, and how many there were."""
        again = record.fate.again
        if again is None or not again.retries or verdict.outcome is Outcome.COMPLETED:
            return verdict
        count = len(record.fate.attempts) - again.first + 1
        reason = f"{verdict.reason or verdict.outcome.value}, after {count} attempts"
        return verdict if count < 2 else msgspec.structs.replace(verdict, reason=reason)

    def asked_anew(self, record: JobRecord) -> None:
        """A person wants the job to run again: what the policy has spent is forgotten."""
        record.fate.again = Again(asked_at=time.time(), first=len(record.fate.attempts) + 1)

    def at_once(self, record: JobRecord) -> bool:
        """Let a job that waits for its moment start now, because a person says so; False when it waits for none."""
        moment = record.not_before
        if record.fate.state is not JobState.QUEUED or moment is None or moment <= time.time():
            return False
        record.fate.again = msgspec.structs.replace(record.fate.again or Again(), not_before=0.0)
        return True

    def _policy(self, record: JobRecord) -> RetryPolicy:
        """Each part from the job's terms, otherwise the project's, otherwise the daemon's."""
        config = self._launcher.config
        project, terms, daemon = config.projects.get(record.project), record.spec.terms or Terms(), config.daemon
        theirs = project or terms
        first_s, *rest = _first(terms.backoff_s, theirs.backoff_s, daemon.backoff_s)
        return RetryPolicy(
            retries=_first(terms.retries, theirs.retries, daemon.retries),
            on=_first(terms.retry_on, theirs.retry_on, daemon.retry_on),
            first_s=first_s,
            most_s=rest[0] if rest else max(first_s, daemon.backoff_s[-1]),
        )


def _first(asked: T | None, project: T | None, daemon: T) -> T:
    """The first one that is said."""
    return asked if asked is not None else project if project is not None else daemon
