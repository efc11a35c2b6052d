"""What the daemon adds to the verdict of an adapter."""

from __future__ import annotations

from luzia_protocol.jobs import Outcome

from luziad.attempts.verdict import name_model
from luziad.jobs.attempt import FailureCause, Verdict


def test_an_agent_that_is_not_logged_in_for_the_chosen_model_is_told_with_the_model() -> None:
    """vibe uses its default model instead of an unknown one, and reports the key that this one lacks."""
    lacks = Verdict(Outcome.FAILED, "exit code 1: Missing MISTRAL_API_KEY", FailureCause.CREDENTIALS)
    named = name_model(lacks, "m-9", None)
    assert named.reason == "exit code 1: Missing MISTRAL_API_KEY (the chosen model is m-9)"
    assert named.cause is FailureCause.CREDENTIALS
    limit = Verdict(Outcome.FAILED, "usage limit reached", FailureCause.USAGE_LIMIT)
    assert name_model(limit, "m-9", None) == limit
