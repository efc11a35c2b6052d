"""A job of a real agent ends when luzia ends it, and leaves nothing behind."""

from __future__ import annotations

import pytest

from luzia_protocol.jobs import JobState

from agents.real import RealAgent, alive, until


def test_an_agent_whose_model_never_answers_is_ended_by_its_timeout(agent: RealAgent) -> None:
    dispatched = agent.dispatch("hang", "--timeout", "8")
    job = agent.ended(dispatched)
    assert job.state is JobState.TIMED_OUT, agent.output(job.id)
    assert not agent.tree(job.id)


@pytest.mark.only("claude", "codex", "opencode", "gemini", "pi")  # the others run no command with what luzia permits
def test_a_cancel_in_the_middle_of_a_tool_leaves_nothing_alive(agent: RealAgent) -> None:
    job = agent.dispatch("tree")
    processes = agent.wait_until_the_tool_runs(job)
    assert agent.luzia.run("cancel", job).returncode == 0
    assert agent.ended(job).state is JobState.CANCELLED
    until(lambda: not alive(processes), f"nothing of {alive(processes)} left")
    assert not agent.tree(job)
