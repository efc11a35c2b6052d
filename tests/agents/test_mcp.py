"""Real agents dispatch agents: with luzia's tools, from inside a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState, Outcome

from agents.real import RealAgent, until


@pytest.fixture(autouse=True)
def _tools(agent: RealAgent) -> None:
    """The project's agents have luzia's tools."""
    config = Path(agent.luzia.env["LUZIA_CONFIG"])
    config.write_text(config.read_text().replace("retries = 0", "retries = 0\nmcp = true", 1))
    agent.client.reload_config()


@pytest.mark.only("claude", "codex", "opencode")
def test_an_agent_dispatches_a_job_waits_and_gets_the_verdict(agent: RealAgent) -> None:
    job = agent.ended(agent.dispatch("mcp"))
    assert job.state is JobState.COMPLETED, agent.output(job.id)
    assert agent.client.list_jobs(parent=job.id).jobs, agent.output(job.id)
    (below,) = agent.client.list_jobs(parent=job.id).jobs
    assert (below.state, below.parent) == (JobState.COMPLETED, job.id)
    assert agent.understood(job).last_message == f"The job {below.id} is completed."


@pytest.mark.only("claude", "codex")
def test_a_sub_job_is_cancelled_with_the_agent_that_waits_for_it(agent: RealAgent) -> None:
    job = agent.dispatch("mcp-endless")
    until(lambda: agent.client.list_jobs(parent=job, states=JobState.RUNNING).jobs, "a running sub-job")
    (below,) = agent.client.list_jobs(parent=job).jobs
    agent.client.cancel(job)
    assert [each.outcome for each in agent.client.wait([job, below.id]).jobs] == [Outcome.CANCELLED] * 2


@pytest.mark.only("claude")
def test_an_agent_that_dispatches_itself_for_ever_stops_at_the_bound(agent: RealAgent) -> None:
    config = Path(agent.luzia.env["LUZIA_CONFIG"])
    config.write_text(config.read_text() + "[daemon]\nmax_sub_job_depth = 2\n")
    agent.client.reload_config()
    first = agent.ended(agent.dispatch("mcp-runaway"))
    assert first.state is JobState.COMPLETED, agent.output(first.id)
    jobs = [agent.client.get_job(job.id) for job in agent.client.list_jobs().jobs]
    assert sorted(len(job.ancestors) for job in jobs) == [0, 1, 2]
    (last,) = [job for job in jobs if len(job.ancestors) == 2]
    assert (agent.understood(last).last_message or "").startswith("I stop here: too_deep: ")
