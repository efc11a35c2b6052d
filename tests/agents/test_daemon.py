"""A real agent outlives the daemon, and the next one judges it."""

from __future__ import annotations

from luzia_protocol.jobs import JobState

from agents.real import RealAgent, alive
from agents.stub.script import CLOSING
from private_luzia import until


def test_an_agent_goes_on_when_the_daemon_is_killed_and_the_next_daemon_judges_it(agent: RealAgent) -> None:
    job = agent.dispatch("gate")
    until(agent.model.at_the_gate, "the agent has done its work")
    processes = agent.tree(job)
    agent.luzia.kill_daemon()
    agent.client = agent.luzia.client()
    assert len(alive(processes)) == len(processes)
    agent.model.gate.set()
    ended = agent.ended(job)
    assert (ended.state, ended.attempt, ended.reason) == (JobState.COMPLETED, 1, None), agent.output(job)
    assert agent.understood(ended).last_message == CLOSING
    until(lambda: not alive(processes), f"nothing of {alive(processes)} left")
