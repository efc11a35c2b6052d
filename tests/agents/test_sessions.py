"""A conversation with a real agent goes on where it was: with a message, after a failure, and after a usage limit."""

from __future__ import annotations

import pytest

from luzia_protocol.jobs import Job, JobState, Outcome

from agents.real import TASK, RealAgent
from luziad.attempts.launch import RESUME_PROMPT

FOLLOW_UP = "And now say once more what you did. stub:text"


def one_conversation(agent: RealAgent, job: Job, *said: str) -> None:
    """The job is completed, its attempts had one session, and the model's last answer was to all that was said."""
    assert job.state is JobState.COMPLETED, agent.output(job.id)
    first, *others = (each.activity for each in job.attempts)
    assert first is not None
    assert first.session
    assert [each and each.session for each in others] == [first.session] * len(others)
    assert job.attempts[-1].session == first.session
    prompts = "\n".join(next(asked.prompts for asked in reversed(agent.model.heard) if asked.tools))
    assert [words for words in said if words not in prompts] == []
    assert prompts.count(TASK) == 1


def test_a_message_goes_on_with_the_conversation_of_a_job_that_has_ended(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("text")).id
    sent = agent.luzia.run("send", job, FOLLOW_UP)
    assert sent.returncode == 0, sent.stderr
    retry = agent.ended(job)
    assert retry.attempt == 2
    one_conversation(agent, retry, TASK, FOLLOW_UP)


@pytest.mark.only("claude", "codex")  # of the others, some tell no session before the model's first answer
def test_a_retry_goes_on_with_the_conversation_that_a_refusal_had_ended(agent: RealAgent) -> None:
    job = agent.dispatch("auth")
    assert agent.ended(job).state is JobState.FAILED
    retried = agent.luzia.run("retry", job)
    assert retried.returncode == 0, retried.stderr
    retry = agent.ended(job)
    assert [each.outcome for each in retry.attempts] == [Outcome.FAILED, Outcome.COMPLETED]
    one_conversation(agent, retry, TASK, RESUME_PROMPT)


@pytest.mark.only("claude", "codex")
def test_a_job_waits_for_the_end_of_a_usage_limit_and_a_retry_does_not(agent: RealAgent) -> None:
    job = agent.dispatch("usage-limit")
    limited = agent.judged(job)
    waiting = agent.client.get_job(job)
    assert limited.activity is not None
    assert "limit" in (limited.activity.limit or "")
    assert (limited.outcome, waiting.state) == (Outcome.USAGE_LIMITED, JobState.QUEUED)
    assert f"usage limit of {agent.name} until " in (waiting.reason or "")
    retried = agent.luzia.run("retry", job)
    assert retried.returncode == 0, retried.stderr
    retry = agent.ended(job)
    assert retry.attempt == 2
    one_conversation(agent, retry, TASK, RESUME_PROMPT)


@pytest.mark.only("claude", "codex")
def test_after_a_usage_limit_the_job_goes_on_with_its_conversation_by_itself(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("short-limit"))
    assert [each.outcome for each in job.attempts] == [Outcome.USAGE_LIMITED, Outcome.COMPLETED]
    one_conversation(agent, job, TASK, RESUME_PROMPT)


@pytest.mark.only("claude", "codex", "opencode", "gemini", "qwen", "pi")  # copilot and vibe tell no input tokens
def test_each_attempt_of_a_session_has_the_tokens_that_it_has_used_itself(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("text")).id
    for _ in range(2):
        sent = agent.luzia.run("send", job, FOLLOW_UP)
        assert sent.returncode == 0, sent.stderr
        last = agent.ended(job)
    used = [(each.activity.tokens_in, each.activity.cost_usd) for each in last.attempts if each.activity is not None]
    assert used == [used[0]] * 3  # each is one answer of the model
    assert used[0][0]
    assert last.activity is not None
    assert last.activity.tokens_in == 3 * used[0][0]
