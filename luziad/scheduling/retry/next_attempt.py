"""Decides what follows an attempt that has ended: another one, or the end of the job.

In this order: a usage limit is waited for, an overloaded server is tried again, the policy has its retries, and at last
come the follow-ups that were sent meanwhile.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from msgspec.structs import replace

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState, Outcome

from luziad.agents.json_values import one_line
from luziad.agents.judging import is_overload
from luziad.agents.usage_reset import parse_reset_time
from luziad.attempts.budget import to_go_on
from luziad.clocks.clock import on_steady_clock, on_wall_clock, steady_time
from luziad.clocks.format import format_time
from luziad.jobs.attempt import Verdict
from luziad.jobs.record import JobRecord
from luziad.jobs.retry_state import Continuation, RetryState
from luziad.jobs.start_time import next_start
from luziad.scheduling.gates.usage_limit import LimitGate
from luziad.scheduling.retry.backoff import RetryPolicy, decide
from luziad.scheduling.retry.policies import Policies

OVERLOAD = RetryPolicy(retries=8, on=(Outcome.FAILED,), first_s=5.0, most_s=300.0)
"""An overloaded server is no fault of the job's: these retries come without any being asked for."""

UNKNOWN_RESET_S = 1800.0
"""How long a limit is waited for when the agent does not say until when."""

LEAST_WAIT_S = 5.0
MOST_LIMITS = 50
"""Usage limits in a row that a job waits for."""

MAX_FOLLOW_UPS = 20

_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""What may stand in a command as the id of a session; an agent's output can say anything."""

_OUT_OF_BUDGET = ("error_max_turns", "error_max_budget")
"""How the verdicts begin on agents that have kept to a budget by themselves."""

_FORGOTTEN = dict.fromkeys(("not_before", "not_before_steady", "limited_until", "limited_until_steady", "continuation"))
"""What was for the attempt that has ended."""

_FOLLOWED = (Outcome.COMPLETED, Outcome.FAILED)
"""The outcomes after which follow-ups are given."""


class Renewal:
    """Decides by the policies. `admit` is that of Gates."""

    def __init__(self, policies: Policies, admit: Callable[..., None]) -> None:
        self._policies = policies
        self.limits = LimitGate(admit)

    def judged(self, record: JobRecord, verdict: Verdict) -> Verdict:
        """The verdict, with a failure that was a usage limit or the end of a budget, told apart."""
        activity = record.attempt.activity if record.attempt else None
        if verdict.outcome is Outcome.FAILED and (verdict.reason or "").startswith(_OUT_OF_BUDGET):
            return Verdict(Outcome.OVER_BUDGET, f"{verdict.reason}; {to_go_on(record)}")
        if verdict.outcome is not Outcome.FAILED or activity is None or activity.limit is None:
            return verdict
        return Verdict(Outcome.USAGE_LIMITED, verdict.reason or activity.limit)

    def next_attempt(self, record: JobRecord, verdict: Verdict) -> str | None:
        """Why the job is queued again after an attempt, with what it waits for in its fate; None when it has ended."""
        retry = replace(record.status.retry_state or RetryState(), **_FORGOTTEN)
        for following in (self._after_limit, self._after_overload, self._by_policy, self._with_message):
            found = following(record, verdict, retry)
            if found is not None:
                record.status.retry_state = found
                return f"{found.description}: {verdict.reason or verdict.outcome.value}"
        return None

    def send(self, record: JobRecord, message: str) -> Continuation | None:
        """Take in a follow-up: for later, or, when the job is final, as what its next attempt goes on with.

        Raises Refused when the job's agent has no session that could go on.
        """
        if not self._policies.resumes(record):
            raise Refused(ErrorCode.NO_SESSION, f"the agent {record.spec.agent} cannot go on with a conversation")
        retry = record.status.retry_state or RetryState()
        if not record.status.state.is_final:
            if len(retry.messages) >= MAX_FOLLOW_UPS:
                raise Refused(ErrorCode.QUEUE_FULL, f"{MAX_FOLLOW_UPS} follow-ups wait for job {record.id} already")
            record.status.retry_state = replace(retry, messages=(*retry.messages, message))
            return None
        session = self.session(record)
        if session is None:
            raise Refused(ErrorCode.NO_SESSION, f"no attempt of job {record.id} has told its session")
        first, *rest = (*retry.messages, message)
        record.status.retry_state = replace(retry, messages=tuple(rest))
        return Continuation(session, first)

    def queued(self, record: JobRecord) -> None:
        """The job is queued, or was loaded: what it knows of a limit holds for its agent."""
        retry = record.status.retry_state
        if retry is not None and retry.limited_until is not None:
            until, known = retry.limited_until, retry.limited_until_steady
            self.limits.limited(
                record.spec.agent, on_wall_clock(until) if known is None else on_steady_clock(until, known)
            )

    def final(self, record: JobRecord, verdict: Verdict) -> Verdict:
        """The verdict on the job: that on its last attempt, with how many there were and what was not said any more."""
        retry = record.status.retry_state
        if retry is None:
            return verdict
        words = []
        count = len(record.status.attempts) - retry.first_attempt + 1
        if retry.retries + retry.overload_retries and count > 1 and verdict.outcome is not Outcome.COMPLETED:
            words.append(f"after {count} attempts")
        if retry.messages:
            words.append(f"{len(retry.messages)} follow-up{'s' if len(retry.messages) > 1 else ''} not given")
        return (
            replace(verdict, reason=", ".join([verdict.reason or verdict.outcome.value, *words])) if words else verdict
        )

    def asked_anew(self, record: JobRecord, given: Continuation | None) -> None:
        """A person wants the job to run again: what the policy has spent is forgotten."""
        kept = record.status.retry_state.messages if record.status.retry_state else ()
        first = len(record.status.attempts) + 1
        record.status.retry_state = RetryState(
            requested_at=time.time(),
            requested_steady=steady_time(),
            first_attempt=first,
            continuation=given,
            messages=kept,
        )

    def at_once(self, record: JobRecord) -> bool:
        """Let a job that waits for its moment start now, because a person says so; False when it waits for none."""
        if record.status.state is not JobState.QUEUED:
            return False
        start = next_start(record)
        if (start is None or start.left_s <= 0) and not self.limits.closed(record):
            return False
        record.status.retry_state = replace(
            record.status.retry_state or RetryState(), not_before=0.0, not_before_steady=None
        )
        return True

    def going_on(self, record: JobRecord) -> Continuation | None:
        """What the next attempt goes on with, so that no work is done twice; None runs the task from the start."""
        attempt = record.attempt
        if attempt is None or not self._policies.resumes(record):
            return None
        session = attempt.activity.session if attempt.activity else None
        return Continuation(session) if session is not None and _SESSION.fullmatch(session) else attempt.continuation

    def put_back(self, record: JobRecord) -> None:
        """The attempt has not started: the next one goes on with what it was given."""
        if record.attempt is not None and record.attempt.continuation is not None:
            record.status.retry_state = replace(
                record.status.retry_state or RetryState(), continuation=record.attempt.continuation
            )

    def taken(self, record: JobRecord) -> Continuation | None:
        """What the attempt that starts now goes on with."""
        terms = record.spec.terms
        if terms is not None and terms.job_timeout_s is not None and record.first_attempt is None:
            record.status.retry_state = replace(record.status.retry_state or RetryState(), started_steady=steady_time())
        retry = record.status.retry_state
        if retry is None or retry.continuation is None:
            return None
        record.status.retry_state = replace(retry, continuation=None)
        return retry.continuation

    def session(self, record: JobRecord) -> str | None:
        """The session in which a follow-up can be said."""
        given = self.going_on(record)
        return None if given is None else given.session

    def _after_limit(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        if (
            verdict.outcome is not Outcome.USAGE_LIMITED
            or retry.limit_resumes >= MOST_LIMITS
            or not self._policies.auto_resume(record)
        ):
            return None
        now = time.time()
        wait_s, known = _limit_wait_s(record, verdict, now)
        until = now + wait_s
        what = f"usage limit of {record.spec.agent} until {format_time(until)}"
        return replace(
            retry,
            limit_resumes=retry.limit_resumes + 1,
            limited_until=until,
            limited_until_steady=None if known else steady_time(wait_s),
            continuation=self.going_on(record),
            description=what,
        )

    def _after_overload(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        if verdict.outcome is not Outcome.FAILED or not is_overload(verdict.reason or ""):
            return None
        if not (record.attempt and record.attempt.activity and self._policies.after_overload(record)):
            return None  # somebody wants no retries, or nobody reads the output of this agent
        delay_s = decide(verdict.outcome, OVERLOAD, retry.overload_retries + 1, random.random()).delay_s
        if delay_s is None:
            return None
        count = retry.overload_retries + 1
        what = f"retry {count} of {OVERLOAD.retries} after an overload"
        return self._later(record, replace(retry, overload_retries=count, description=what), delay_s)

    def _by_policy(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        policy = self._policies.retry(record)
        delay_s = decide(verdict.outcome, policy, retry.retries + 1, random.random()).delay_s
        if delay_s is None:
            return None
        what = f"retry {retry.retries + 1} of {policy.retries}"
        return self._later(record, replace(retry, retries=retry.retries + 1, description=what), delay_s)

    def _later(self, record: JobRecord, retry: RetryState, delay_s: float) -> RetryState:
        return replace(
            retry,
            not_before=time.time() + delay_s,
            not_before_steady=steady_time(delay_s),
            continuation=self.going_on(record),
        )

    def _with_message(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        if not retry.messages or verdict.outcome not in _FOLLOWED:
            return None
        session = self.session(record)
        if session is None:
            return None
        message, *rest = retry.messages
        given = Continuation(session, message)
        return replace(
            retry, continuation=given, messages=tuple(rest), description=f"follow-up {one_line(message, 80)!r}"
        )


def _limit_wait_s(record: JobRecord, verdict: Verdict, now: float) -> tuple[float, bool]:
    """Seconds to wait for the end of a usage limit, and whether the agent has told it."""
    activity, reset = record.attempt.activity if record.attempt else None, None
    if activity is not None:
        told = activity.limit_resets_at
        reset = told.timestamp() if told is not None else parse_reset_time(activity.limit or "", now)
    reset = reset or parse_reset_time(verdict.reason or "", now)
    wait_s = UNKNOWN_RESET_S if reset is None else max(LEAST_WAIT_S, reset - now)
    return wait_s + random.random() * min(60.0, wait_s / 10), reset is not None
