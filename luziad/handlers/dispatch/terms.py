"""Checks what a dispatch says about when its job runs, and how often."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_RETRIES, RETRYABLE, Terms
from luzia_protocol.requests import MAX_MESSAGE_BYTES, Dispatch

from luziad.config.rules import BACKOFF

_BUDGETS = ("max_cost_usd", "max_turns")
_SPANS = ("expires_s", "job_timeout_s", "start_in_s")


def check_message(message: str) -> None:
    """Raise Refused unless this can be said to an agent."""
    if not message or message.isspace():
        raise Refused(ErrorCode.INVALID_TASK, "the message is empty")
    if "\0" in message:
        raise Refused(ErrorCode.INVALID_TASK, "the message has a NUL character")
    if len(message.encode()) > MAX_MESSAGE_BYTES:
        raise Refused(ErrorCode.TASK_TOO_LARGE, f"the message has more than {MAX_MESSAGE_BYTES} bytes")


def terms_of(request: Dispatch, now: float) -> Terms | None:
    """The terms that were asked for at `now`; None for the many jobs that have none. Raises Refused."""
    terms = Terms(
        not_before=request.not_before,
        retries=request.retries,
        retry_on=request.retry_on,
        backoff_s=request.backoff_s,
        expires_s=request.expires_s,
        job_timeout_s=request.job_timeout_s,
        auto_resume=request.auto_resume,
        max_cost_usd=request.max_cost_usd,
        max_turns=request.max_turns,
        start_in_s=request.start_in_s,
    )
    if terms == _NONE:
        return None
    if terms.retries is not None and not 0 <= terms.retries <= MAX_RETRIES:
        raise Refused(ErrorCode.BAD_REQUEST, f"`retries` must be from 0 to {MAX_RETRIES}, not {terms.retries}")
    for outcome in terms.retry_on or ():
        if outcome not in RETRYABLE:
            raise Refused(ErrorCode.BAD_REQUEST, f"`retry_on` may have {', '.join(RETRYABLE)}, not {outcome}")
    if terms.backoff_s is not None and not BACKOFF.accepts(terms.backoff_s):
        raise Refused(ErrorCode.BAD_REQUEST, f"`backoff_s` must be {BACKOFF.expected}")
    for name in _BUDGETS:
        most = getattr(terms, name)
        if most is not None and not 0 < most < 1e9:
            raise Refused(ErrorCode.BAD_REQUEST, f"`{name}` must be a number above 0")
    for name in _SPANS:
        seconds = getattr(terms, name)
        if seconds is not None and not 0 < seconds < 1e9:
            raise Refused(ErrorCode.BAD_REQUEST, f"`{name}` must be a number of seconds above 0")
    if terms.start_in_s is None:
        return terms
    if terms.not_before is not None:
        raise Refused(ErrorCode.BAD_REQUEST, "give one of `not_before` and `start_in_s`")
    return replace(terms, not_before=datetime.fromtimestamp(now + terms.start_in_s, UTC))


_NONE = Terms()
