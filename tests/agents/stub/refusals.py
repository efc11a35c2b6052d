"""How model servers refuse a request, each in its own words."""

from __future__ import annotations

import time
from typing import NamedTuple

from agents.stub.asked import Body


class Refusal(NamedTuple):
    """An HTTP answer that is an error."""

    status: int
    headers: dict[str, str]
    body: Body


class _Kind(NamedTuple):
    """status: of HTTP. The others: what the error is called in each dialect, and its words."""

    status: int
    messages: str
    openai: str
    openai_code: str
    gemini: str
    words: str


RESETS_IN_S = {"usage-limit": 3600, "short-limit": 2}
"""The account's limits, and when each is over."""

_KINDS = {
    "auth": _Kind(
        401, "authentication_error", "invalid_request_error", "invalid_api_key", "UNAUTHENTICATED", "Incorrect API key."
    ),
    "rate-limit": _Kind(
        429, "rate_limit_error", "requests", "rate_limit_exceeded", "RESOURCE_EXHAUSTED", "Rate limit reached."
    ),
    "usage-limit": _Kind(
        429,
        "rate_limit_error",
        "usage_limit_reached",
        "insufficient_quota",
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "overloaded": _Kind(503, "overloaded_error", "server_error", "server_is_overloaded", "UNAVAILABLE", "Overloaded"),
    "error": _Kind(500, "api_error", "server_error", "server_error", "INTERNAL", "Internal server error"),
}


UNKNOWN_MODEL = "no-such-model"
"""A model that no server has."""


def refusal(dialect: str, scenario: str, model: str) -> Refusal | None:
    """The refusal of this model, or that a scenario stands for; None when there is none."""
    if model == UNKNOWN_MODEL:
        return _unknown_model(dialect)
    kind = _KINDS.get("usage-limit" if scenario in RESETS_IN_S else scenario)
    if kind is None:
        return None
    resets_in_s = RESETS_IN_S.get(scenario)
    headers = {"retry-after": "1"} if kind.status == 429 else {}
    if dialect == "messages":
        words = kind.words
        if resets_in_s is not None:
            headers |= _limit_headers(int(time.time()) + resets_in_s)
            words = "This request would exceed your account's rate limit. Please try again later."
        return Refusal(kind.status, headers, {"type": "error", "error": {"type": kind.messages, "message": words}})
    if dialect == "gemini":
        error: Body = {"code": kind.status, "message": kind.words, "status": kind.gemini}
    else:
        error = {"message": kind.words, "type": kind.openai, "code": kind.openai_code, "param": None}
        if resets_in_s is not None:
            resets_at = int(time.time()) + resets_in_s
            error |= {"plan_type": "plus", "resets_at": resets_at, "resets_in_seconds": resets_in_s}
    return Refusal(kind.status, headers, {"error": error})


def _unknown_model(dialect: str) -> Refusal:
    if dialect == "messages":
        return Refusal(
            404, {}, {"type": "error", "error": {"type": "not_found_error", "message": f"model: {UNKNOWN_MODEL}"}}
        )
    if dialect == "gemini":
        words = f"models/{UNKNOWN_MODEL} is not found for API version v1beta, or is not supported for generateContent."
        return Refusal(404, {}, {"error": {"code": 404, "message": words, "status": "NOT_FOUND"}})
    words = f"The model `{UNKNOWN_MODEL}` does not exist or you do not have access to it."
    error = {"message": words, "type": "invalid_request_error", "code": "model_not_found", "param": None}
    return Refusal(404, {}, {"error": error})


def _limit_headers(resets_at: int) -> dict[str, str]:
    """How an account's limit is told to Claude Code, which is not to try again by itself."""
    name = "anthropic-ratelimit-unified"
    return {
        "retry-after": "3600",
        f"{name}-status": "rejected",
        f"{name}-reset": str(resets_at),
        f"{name}-representative-claim": "five_hour",
        f"{name}-overage-status": "rejected",
    }
