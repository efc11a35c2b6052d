"""Decides what follows an attempt that has ended: another one, or the end of the job.

The delays after an overload and a usage limit are below; those of a policy are in backoff.py.

The reasons for another one, in this order: a person has taken the session over and left, the reset of a usage limit, an
overloaded server, the retries of the policy, and follow-ups that were sent during the attempt.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection

from msgspec.structs import replace

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState, Outcome

from luziad.agents.json_values import one_line
from luziad.agents.usage_reset import parse_duration_s, parse_reset_time
from luziad.attempts.budget import retry_hint
from luziad.clocks.clock import steady_time
from luziad.jobs.attempt import FailureCause, Verdict
from luziad.jobs.record import JobRecord
from luziad.jobs.retry_state import SESSION, Continuation, RetryState
from luziad.jobs.start_time import next_start
from luziad.scheduling.gates.gates import Gate
from luziad.scheduling.gates.usage_limit import describe_limit
from luziad.scheduling.retry.backoff import RetryPolicy, decide
from luziad.scheduling.retry.policies import RetryPolicies

OVERLOAD = RetryPolicy(retries=8, on=(Outcome.FAILED,), first_s=5.0, most_s=300.0)
"""An overloaded server is not the job's fault: these retries need no policy."""

UNKNOWN_RESET_S = 1800.0
"""The wait for the reset of a limit whose time the agent does not tell."""

MIN_WAIT_S = 5.0
MAX_LIMITS = 50
"""Usage limits in a row that a job waits for."""

MAX_FOLLOW_UPS = 20

_RESET = dict.fromkeys(("not_before", "not_before_steady", "limited_until", "limited_until_steady", "continuation"))
"""The fields that concern only the attempt that has ended."""

_ALLOW_FOLLOW_UP = (Outcome.COMPLETED, Outcome.FAILED)
"""The outcomes after which follow-ups are sent."""


class RetryPlanner:
    """Plans the next attempts of jobs. agent_gates: the gates that a user may pass with a job that starts at once."""

    def __init__(self, policies: RetryPolicies, agent_gates: Collection[Gate]) -> None:
        self._policies = policies
        self._agent_gates = agent_gates

    def classify(self, record: JobRecord, verdict: Verdict) -> Verdict:
        """The verdict, with a usage limit or an exceeded budget distinguished from other failures."""
        activity = record.attempt.activity if record.attempt else None
        if verdict.cause is FailureCause.BUDGET:
            return Verdict(Outcome.OVER_BUDGET, f"{verdict.reason}; {retry_hint(record)}")
        limit = activity.limit if activity is not None else None
        if verdict.outcome is Outcome.FAILED and (limit is not None or verdict.cause is FailureCause.USAGE_LIMIT):
            return Verdict(Outcome.USAGE_LIMITED, verdict.reason or limit)
        return verdict

    def plan(self, record: JobRecord, verdict: Verdict) -> str | None:
        """Why the job is queued again, with what it waits for in its record; None when it has ended."""
        retry = replace(record.status.retry_state or RetryState(), **_RESET)
        for following in (
            self._after_takeover,
            self._after_limit,
            self._after_overload,
            self._by_policy,
            self._with_follow_up,
        ):
            found = following(record, verdict, retry)
            if found is not None:
                record.status.retry_state = found
                return f"{found.description}: {verdict.reason or verdict.outcome.value}"
        return None

    def plan_after_attached(self, record: JobRecord, verdict: Verdict, *, continues: bool) -> str | None:
        """The same after a user has left the session in a terminal. continues: the agent works on by itself."""
        retry = replace(record.status.retry_state or RetryState(), **_RESET)
        found = self._continued(record, retry) if continues else self._with_follow_up(record, verdict, retry)
        if found is not None:
            record.status.retry_state = found
        return None if found is None else found.description

    def add_follow_up(self, record: JobRecord, message: str) -> Continuation | None:
        """Keep a follow-up for later; when the job has ended, return it as the continuation for its next attempt.

        Raises Refused when the job's agent has no session to resume.
        """
        if not self._policies.resumes(record):
            raise Refused(
                ErrorCode.NO_SESSION, f"agent {record.spec.agent} cannot resume a session", _no_session(record)
            )
        retry = record.status.retry_state or RetryState()
        if not record.status.state.is_final:
            if len(retry.messages) >= MAX_FOLLOW_UPS:
                raise Refused(ErrorCode.QUEUE_FULL, f"job {record.id} already has {MAX_FOLLOW_UPS} follow-ups waiting")
            record.status.retry_state = replace(retry, messages=(*retry.messages, message))
            return None
        session = self.session(record)
        if session is None:
            raise Refused(ErrorCode.NO_SESSION, f"no session of job {record.id} is known", _no_session(record))
        first, *rest = (*retry.messages, message)
        record.status.retry_state = replace(retry, messages=tuple(rest))
        return Continuation(session, first)

    def final_verdict(self, record: JobRecord, verdict: Verdict) -> Verdict:
        """The verdict on the job: that on its last attempt, with the number of attempts and of unsent follow-ups."""
        retry = record.status.retry_state
        if retry is None:
            return verdict
        notes = []
        count = len(record.status.attempts) - retry.first_attempt + 1
        if retry.retries + retry.overload_retries and count > 1 and verdict.outcome is not Outcome.COMPLETED:
            notes.append(f"after {count} attempts")
        if retry.messages:
            notes.append(f"{len(retry.messages)} follow-up{'s' if len(retry.messages) > 1 else ''} not sent")
        if not notes:
            return verdict
        return replace(verdict, reason=", ".join([verdict.reason or verdict.outcome.value, *notes]))

    def reset(self, record: JobRecord, given: Continuation | None) -> None:
        """Count retries and usage limits from zero, because a user has requested another attempt."""
        kept = record.status.retry_state.messages if record.status.retry_state else ()
        first = len(record.status.attempts) + 1
        record.status.retry_state = RetryState(
            requested_at=time.time(),
            requested_steady=steady_time(),
            first_attempt=first,
            continuation=given,
            messages=kept,
        )

    def start_now(self, record: JobRecord) -> bool:
        """Cancel the wait of a queued job for a time; False when it waits for none."""
        if record.status.state is not JobState.QUEUED:
            return False
        start = next_start(record)
        waits = start is not None and start.left_s > 0
        if not waits and not any(gate.is_closed(record) for gate in self._agent_gates):
            return False
        record.status.retry_state = replace(
            record.status.retry_state or RetryState(), not_before=0.0, not_before_steady=None
        )
        return True

    def continuation(self, record: JobRecord) -> Continuation | None:
        """The session that the next attempt resumes; None to run the task from the start."""
        attempt = record.attempt
        if attempt is None or not self._policies.resumes(record):
            return None
        session = attempt.activity.session if attempt.activity else None
        return Continuation(session) if session is not None and SESSION.fullmatch(session) else attempt.continuation

    def put_back(self, record: JobRecord) -> None:
        """The attempt has not started: the next one resumes the session that it was to resume."""
        if record.attempt is not None and record.attempt.continuation is not None:
            record.status.retry_state = replace(
                record.status.retry_state or RetryState(), continuation=record.attempt.continuation
            )

    def take_continuation(self, record: JobRecord) -> Continuation | None:
        """The session that the attempt resumes that starts now."""
        terms = record.spec.terms
        if terms is not None and terms.job_timeout_s is not None and record.first_attempt is None:
            record.status.retry_state = replace(record.status.retry_state or RetryState(), started_steady=steady_time())
        retry = record.status.retry_state
        if retry is None or retry.continuation is None:
            return None
        record.status.retry_state = replace(retry, continuation=None)
        return retry.continuation

    def session(self, record: JobRecord) -> str | None:
        """The session to which a follow-up can be sent."""
        given = self.continuation(record)
        return None if given is None else given.session

    def _after_takeover(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        attempt = record.attempt
        return self._continued(record, retry) if attempt is not None and attempt.taken_over else None

    def _continued(self, record: JobRecord, retry: RetryState) -> RetryState:
        return replace(retry, continuation=self.continuation(record), description="continues in the background")

    def _after_limit(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        if (
            verdict.outcome is not Outcome.USAGE_LIMITED
            or retry.limit_resumes >= MAX_LIMITS
            or not self._policies.auto_resume(record)
        ):
            return None
        now = time.time()
        wait_s, known = _limit_wait_s(record, verdict, now)
        until = now + wait_s
        what = describe_limit(record.spec.agent, until, is_guess=not known)
        return replace(
            retry,
            limit_resumes=retry.limit_resumes + 1,
            limited_until=until,
            limited_until_steady=None if known else steady_time(wait_s),
            continuation=self.continuation(record),
            description=what,
        )

    def _after_overload(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        if verdict.outcome is not Outcome.FAILED or verdict.cause is not FailureCause.OVERLOAD:
            return None
        if not self._policies.after_overload(record):
            return None
        delay_s = decide(verdict.outcome, OVERLOAD, retry.overload_retries + 1, random.random())
        if delay_s is None:
            return None
        count = retry.overload_retries + 1
        what = f"retry {count} of {OVERLOAD.retries} after an overload"
        requested_s = parse_duration_s(verdict.reason or "") or 0.0  # the server's own words
        delay_s = max(delay_s, requested_s if requested_s <= OVERLOAD.most_s else 0.0)
        return self._later(record, replace(retry, overload_retries=count, description=what), delay_s)

    def _by_policy(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        policy = self._policies.retry(record)
        delay_s = decide(verdict.outcome, policy, retry.retries + 1, random.random())
        if delay_s is None:
            return None
        what = f"retry {retry.retries + 1} of {policy.retries}"
        return self._later(record, replace(retry, retries=retry.retries + 1, description=what), delay_s)

    def _later(self, record: JobRecord, retry: RetryState, delay_s: float) -> RetryState:
        return replace(
            retry,
            not_before=time.time() + delay_s,
            not_before_steady=steady_time(delay_s),
            continuation=self.continuation(record),
        )

    def _with_follow_up(self, record: JobRecord, verdict: Verdict, retry: RetryState) -> RetryState | None:
        if not retry.messages or verdict.outcome not in _ALLOW_FOLLOW_UP:
            return None
        session = self.session(record)
        if session is None:
            return None
        message, *rest = retry.messages
        given = Continuation(session, message)
        return replace(
            retry, continuation=given, messages=tuple(rest), description=f"follow-up '{one_line(message, 80)}'"
        )


def _no_session(record: JobRecord) -> str:
    """What to do instead of sending a follow-up."""
    return f"Dispatch a new job, or run the task again with `luzia retry {record.id}`."


def _limit_wait_s(record: JobRecord, verdict: Verdict, now: float) -> tuple[float, bool]:
    """Seconds to wait for the reset of a usage limit, and whether the agent has told its time."""
    activity, reset = record.attempt.activity if record.attempt else None, None
    if activity is not None:
        resets_at = activity.limit_resets_at
        reset = resets_at.timestamp() if resets_at is not None else parse_reset_time(activity.limit or "", now)
    reset = reset or parse_reset_time(verdict.reason or "", now)
    wait_s = UNKNOWN_RESET_S if reset is None else max(MIN_WAIT_S, reset - now)
    return wait_s + random.random() * min(60.0, wait_s / 10), reset is not None
