"""A real agent asks before it writes, and the answer reaches the call that waits, also after the daemon was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from luzia_protocol.activity import Question
from luzia_protocol.jobs import JobState

from agents.real import RealAgent
from agents.stub.script import FILE
from private_luzia import until


def asked(agent: RealAgent, job: str) -> Question:
    """What the job asks, once it does."""
    until(lambda: agent.client.get_job(job).question or agent.client.get_job(job).state.is_final, "a question")
    question = agent.client.get_job(job).question
    assert question is not None, agent.output(job)
    return question


@pytest.mark.only("claude")
def test_a_permission_that_is_given_after_a_crash_lets_the_agent_write(agent: RealAgent) -> None:
    agent.ask_first()
    job = agent.dispatch("ok")
    question = asked(agent, job)
    assert (question.type, question.tool, Path(question.text).name) == ("permission", "Write", FILE)
    agent.luzia.kill_daemon()
    agent.client = agent.luzia.client()
    assert agent.client.get_job(job).question == question
    assert agent.client.answer_question(job, ["allow"]).state is JobState.RUNNING
    done = agent.ended(job)
    assert (done.state, done.exit_code) == (JobState.COMPLETED, 0), agent.output(job)
    assert (Path(agent.luzia.project) / FILE).exists()


@pytest.mark.only("claude")
def test_a_permission_that_is_denied_fails_nothing(agent: RealAgent) -> None:
    agent.ask_first()
    job = agent.dispatch("ok")
    asked(agent, job)
    agent.client.answer_question(job, ["write it elsewhere"])
    assert agent.ended(job).state is JobState.COMPLETED, agent.output(job)
    assert "write it elsewhere" in agent.output(job)
    assert not (Path(agent.luzia.project) / FILE).exists()
