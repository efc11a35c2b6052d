"""A real agent is understood while it runs, outlives the daemon, and is judged by the next one."""

from __future__ import annotations

import pytest

from luzia_protocol.jobs import JobState

from agents.real import RealAgent, alive, until
from agents.stub.script import CLOSING


@pytest.mark.only("claude", "codex")
def test_what_an_agent_does_is_known_while_it_runs(agent: RealAgent) -> None:
    job = agent.dispatch("gate")

    def knows_the_plan() -> bool:
        progress = agent.client.get_job(job).progress
        return progress is not None and (progress.label, progress.done) == ("plan", 1)

    until(knows_the_plan, "one step of the plan is done")
    status = agent.client.get_job(job)
    assert status.state is JobState.RUNNING
    assert status.progress is not None
    assert status.progress.percent == (99 if status.progress.total == 1 else 50)
    agent.model.gate.set()
    assert agent.ended(job).state is JobState.COMPLETED


def test_an_agent_goes_on_when_the_daemon_is_killed_and_the_next_daemon_judges_it(agent: RealAgent) -> None:
    job = agent.dispatch("gate")
    until(agent.model.at_the_gate, "the agent has done its work")
    processes = agent.tree(job)
    itself = {each for each in processes if each.pid == agent.client.get_job(job).pid}
    agent.luzia.kill_daemon()
    agent.client = agent.luzia.client()
    assert len(alive(itself)) == 1
    agent.model.gate.set()
    ended = agent.ended(job)
    assert (ended.state, ended.attempt, ended.reason) == (JobState.COMPLETED, 1, None), agent.output(job)
    assert agent.understood(ended).last_message == CLOSING
    until(lambda: not alive(processes), f"nothing of {alive(processes)} left")
