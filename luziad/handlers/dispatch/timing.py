"""Validates when a job runs, how often, and for how long: start time, retries, budget and timeouts."""

from __future__ import annotations

import operator

from msgspec.structs import replace

from luzia_protocol import times
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_RETRIES, NO_TERMS, RETRYABLE, Terms
from luzia_protocol.requests import Dispatch

from luziad.config.rules import BACKOFF, describe_value

_MAX_NUMBER = 1e9
_term_values = operator.attrgetter(*Terms.__struct_fields__)
_NO_TERM_VALUES = _term_values(NO_TERMS)


def validate_timeouts(request: Dispatch) -> None:
    """Raise Refused for an invalid timeout of an attempt."""
    if request.timeout_s is not None:
        _require_duration("timeout_s", request.timeout_s)
    if request.stall_timeout_s is not None:
        _require_duration("stall_timeout_s", request.stall_timeout_s)


def validate_terms(request: Dispatch, now: float) -> Terms | None:
    """The terms of a job that is dispatched at `now`; None for the many jobs without any. Raises Refused."""
    values = _term_values(request)
    if values == _NO_TERM_VALUES:
        return None
    terms = Terms(*values)
    if terms.retries is not None and not 0 <= terms.retries <= MAX_RETRIES:
        raise Refused(ErrorCode.BAD_REQUEST, f"`retries` must be from 0 to {MAX_RETRIES}, not {terms.retries}")
    for outcome in terms.retry_on or ():
        if outcome not in RETRYABLE:
            raise Refused(ErrorCode.BAD_REQUEST, f"`retry_on` accepts {', '.join(RETRYABLE)}, not {outcome}")
    if terms.backoff_s is not None and not BACKOFF.accepts(terms.backoff_s):
        found = describe_value(terms.backoff_s)
        raise Refused(ErrorCode.BAD_REQUEST, f"`backoff_s` must be {BACKOFF.expected}, not {found}")
    for name in ("max_cost_usd", "max_turns"):
        _require_positive(name, getattr(terms, name), "a number")
    for name in ("expires_s", "job_timeout_s", "start_in_s"):
        _require_duration(name, getattr(terms, name))
    if terms.not_before is not None and not times.is_accepted(terms.not_before):
        raise Refused(ErrorCode.BAD_REQUEST, "`not_before` must be a time from 1970 to 9999-12-29, in UTC")
    if terms.start_in_s is None:
        return terms
    if terms.not_before is not None:
        raise Refused(ErrorCode.BAD_REQUEST, "pass only one of `not_before` and `start_in_s`")
    return replace(terms, not_before=times.to_datetime(now + terms.start_in_s))


def _require_duration(name: str, seconds: float | None) -> None:
    _require_positive(name, seconds, "a number of seconds")


def _require_positive(name: str, number: float | None, what: str) -> None:
    if number is not None and not 0 < number < _MAX_NUMBER:
        raise Refused(ErrorCode.BAD_REQUEST, f"`{name}` must be {what} above 0")
