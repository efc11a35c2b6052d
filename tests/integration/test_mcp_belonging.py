"""What an agent in a job dispatches belongs to that job: its parent, its bounds, its budget and its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.jobs import Outcome

from integration import fake_agent
from mcp_agent import ERAS, McpLuzia, mcp_luzia, value, words

CONFIG = "[daemon]\nmax_sub_job_depth = 2\nmax_sub_jobs = 3\nmax_running = 1\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[McpLuzia]:
    with mcp_luzia(CONFIG, fake_agent.install(tmp_path / "fake") / "claude") as luzia:
        yield luzia


def parent(served: McpLuzia, **options: float) -> str:
    """A job in which an agent could run."""
    client = served.luzia.client()
    job = client.dispatch(served.luzia.project, "exec sleep 600", agent="shell", **options).job  # type: ignore[arg-type]
    for event in client.subscribe(after=0, jobs=job, kinds="started"):
        assert event.job == job
        break
    return job


async def test_a_sub_job_has_its_parent_and_ends_with_it(served: McpLuzia) -> None:
    job = parent(served)
    async with served.agent(env={"LUZIA_JOB_ID": job}) as agent:
        made = value(await agent.call_tool("dispatch", {"task": "exec sleep 600", "agent": "shell"}))
        assert "your_budget_left_usd" not in made
        listed = value(await agent.call_tool("list", {"parent": job}))
        assert [row["job"] for row in listed["jobs"]] == [made["job"]]
        value(await agent.call_tool("cancel", {"job": job}))
    (below,) = served.luzia.client().wait(made["job"]).jobs
    assert (below.parent, below.outcome) == (job, Outcome.CANCELLED)


async def test_without_a_project_a_sub_job_is_of_its_parents_also_when_that_is_not_configured(served: McpLuzia) -> None:
    first = served.luzia.client().get_job(parent(served))
    assert first.project == "project"
    async with served.agent(env={"LUZIA_JOB_ID": first.id, "LUZIA_PROJECT": first.project}) as agent:
        made = value(await agent.call_tool("dispatch", {"task": "true", "agent": "shell"}))
    assert served.luzia.client().get_job(made["job"]).project == first.project


async def test_who_waits_for_a_sub_job_lends_it_the_only_slot(served: McpLuzia) -> None:
    async with served.agent(env={"LUZIA_JOB_ID": parent(served)}) as agent:
        ran = value(await agent.call_tool("run", {"task": "echo done", "agent": "shell"}))
    assert [each["state"] for each in ran["jobs"]] == ["completed"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_dispatch_says_who_does_it_where_after_what_and_for_how_much(
    served: McpLuzia, tmp_path: Path, era: str
) -> None:
    client = served.luzia.client()
    first = client.dispatch(served.luzia.project, "true", agent="shell", hold=True).job
    given = {"project": str(tmp_path), "agent": "claude", "model": "small", "worktree": False, "after": [first]}
    async with served.agent(era) as agent:
        bounds = {"max_cost_usd": 1.5, "max_turns": 7, "review": True}
        job = value(await agent.call_tool("dispatch", {"task": "say hello", **given, **bounds}))["job"]
        found = client.get_job(job)
        value(await agent.call_tool("cancel", {"job": job}))
    assert found.terms is not None
    assert found.budget is not None
    assert (found.project, found.agent, found.model, found.after) == (tmp_path.name, "claude", "small", [first])
    assert (found.worktree, found.budget.max_cost_usd, found.budget.max_turns) == (None, 1.5, 7)
    client.cancel(first)


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_that_has_ended_is_told_more_in_the_same_session(
    served: McpLuzia, tmp_path: Path, era: str
) -> None:
    async with served.agent(era) as agent:
        ran = value(await agent.call_tool("run", {"task": "say hello", "agent": "claude"}))
        job = ran["jobs"][0]["job"]
        sent = value(await agent.call_tool("send", {"job": job, "message": "and goodbye"}))
        assert (sent["job"], sent["state"] in ("queued", "starting", "running")) == (job, True)
        waited = value(await agent.call_tool("wait", {"jobs": [job]}))
    assert waited["jobs"][0]["last_message"] == "done: and goodbye"
    first, second = [json.loads(line) for line in (tmp_path / "fake" / "calls").read_text().splitlines()]
    assert (second["session"], second["resumed"]) == (first["session"], True)


def test_agents_have_the_tools_where_their_project_or_the_agent_says_so(
    served: McpLuzia, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", served.luzia.env["PATH"])
    calls = tmp_path / "fake" / "calls"
    client = served.luzia.client()

    def is_given_tools(config: str) -> bool:
        Path(served.luzia.root, "config.toml").write_text(config)
        client.reload_config()
        client.wait(client.dispatch(served.luzia.project, "say hello", agent="claude").job)
        return "--mcp-config" in calls.read_text().splitlines()[-1]

    project = f'[projects.p]\npath = "{served.luzia.project}"\n'
    assert not is_given_tools(project)
    assert is_given_tools(f"{project}mcp = true\n")
    assert is_given_tools(f"{project}[agents.claude]\nmcp = true\n")
    assert not is_given_tools(f"{project}mcp = false\n[agents.claude]\nmcp = true\n")


async def test_the_job_is_found_although_the_agent_hides_its_environment(served: McpLuzia) -> None:
    job = parent(served)
    hidden = ["LUZIA_JOB_ID", "LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR", "LUZIA_CONFIG"]
    options = " ".join(f"-u {name}" for name in hidden)
    async with served.agent(env={"LUZIA_JOB_ID": job}, wrapper=f'env {options} "$@"; exit 0') as agent:
        made = value(await agent.call_tool("dispatch", {"task": "true", "agent": "shell"}))
    assert served.luzia.client().get_job(made["job"]).parent == job


async def test_a_runaway_is_told_to_stop(served: McpLuzia) -> None:
    job = parent(served)
    for depth in range(3):
        async with served.agent(env={"LUZIA_JOB_ID": job}) as agent:
            result = await agent.call_tool("dispatch", {"task": "exec sleep 600", "agent": "shell"})
            if depth == 2:
                break
            job = value(result)["job"]
    refused = words(result)
    assert refused.startswith("too_deep: ")
    assert "Do the work yourself" in refused
    assert "--detach" not in refused


async def test_a_job_that_dispatches_without_end_is_told_to_do_the_rest_itself(served: McpLuzia) -> None:
    job = parent(served)
    async with served.agent(env={"LUZIA_JOB_ID": job}) as agent:
        for _ in range(3):
            value(await agent.call_tool("dispatch", {"task": "true", "agent": "shell"}))
        refused = words(await agent.call_tool("run", {"task": "true", "agent": "shell"}))
    assert refused.startswith(f"too_many_sub_jobs: sub-jobs of job {job}: 3; the limit is 3")
    assert "Do the rest yourself" in refused


async def test_the_cost_of_sub_jobs_counts_and_what_is_left_is_told(served: McpLuzia) -> None:
    job = parent(served, max_cost_usd=0.5)
    task = {"task": "say hello", "agent": "claude"}
    async with served.agent(env={"LUZIA_JOB_ID": job}) as agent:
        value(await agent.call_tool("run", task))
        shown = value(await agent.call_tool("status", {"job": job}))
        assert shown["budget_left_usd"] == 0.25
        second = value(await agent.call_tool("dispatch", task))
        assert second["your_budget_left_usd"] == 0.25
        value(await agent.call_tool("wait", {"jobs": [second["job"]]}))
        refused = words(await agent.call_tool("dispatch", task))
    assert refused.startswith("budget_spent: ")
    assert served.luzia.client().get_job(job).state == "running"


async def test_a_job_ends_when_its_sub_jobs_have_used_up_its_budget(served: McpLuzia) -> None:
    job = parent(served, max_cost_usd=0.4)
    async with served.agent(env={"LUZIA_JOB_ID": job}) as agent:
        for _ in range(2):
            value(await agent.call_tool("run", {"task": "say hello", "agent": "claude"}))
    (ended,) = served.luzia.client().wait(job).jobs
    assert ended.outcome is Outcome.OVER_BUDGET
    assert "it and its sub-jobs cost $0.50, and its budget is $0.40" in (ended.reason or "")
