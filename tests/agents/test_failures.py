"""When the model's server fails, the attempt has failed, and its reason has the agent's own words."""

from __future__ import annotations

import pytest

from luzia_protocol.jobs import JobState, Outcome

from agents.real import RealAgent
from agents.stub.refusals import UNKNOWN_MODEL

REASONS = {
    ("claude", "auth"): "Failed to authenticate. API Error: 401 ",
    ("claude", "rate-limit"): "API Error: Server is temporarily limiting requests (not your usage limit) ",
    ("claude", "overloaded"): "API Error: 503 Overloaded",
    ("claude", "error"): "API Error: 500 Internal server error",
    ("claude", "drop"): "API Error: Connection lost mid-response",
    ("codex", "auth"): "unexpected status 401 Unauthorized",
    ("codex", "rate-limit"): "exceeded retry limit, last status: 429 ",
    ("codex", "overloaded"): "Selected model is at capacity",
    ("codex", "error"): "We’re currently experiencing high demand",
    ("codex", "drop"): "stream disconnected before completion",
    ("opencode", "auth"): "Incorrect API key",
    ("vibe", "auth"): "exit code 1: Error: Invalid API key",
    ("gemini", "auth"): "[API Error: ",
    ("copilot", "auth"): "Authentication failed with provider at ",
    ("copilot", "rate-limit"): "Failed to get response from the AI model; retried 5 times",
    ("copilot", "overloaded"): "Failed to get response from the AI model; retried 5 times",
    ("qwen", "auth"): "[API Error: 401 Incorrect API key",
    ("pi", "auth"): "401 Incorrect API key",
    ("pi", "rate-limit"): "429 Rate limit reached",
    ("pi", "overloaded"): "503 Overloaded",
}
"""What is not here takes the agent minutes, or has no end: see the quirks on its page."""


@pytest.mark.cases(REASONS)
def test_a_server_that_fails_makes_the_attempt_fail_in_the_agents_words(agent: RealAgent, scenario: str) -> None:
    first = agent.judged(agent.dispatch(scenario))
    assert first.outcome is Outcome.FAILED
    assert (first.reason or "").startswith(REASONS[agent.name, scenario])
    assert first.activity is not None
    assert first.activity.limit is None


def test_a_model_that_does_not_exist_is_the_agents_own_error_and_named(agent: RealAgent) -> None:
    wanted = f"stub/{UNKNOWN_MODEL}" if agent.name == "opencode" else UNKNOWN_MODEL
    job = agent.ended(agent.dispatch("ok", f"--model={wanted}"))
    assert (job.state, job.model) == (JobState.FAILED, wanted)
    assert UNKNOWN_MODEL in (job.reason or ""), agent.output(job.id) + agent.output(job.id, "stderr")
