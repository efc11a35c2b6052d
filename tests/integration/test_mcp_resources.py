"""A job, its log and its diff are resources, whose changes are told; and work is reviewed and merged where allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceUpdatedNotification, TextResourceContents

from git_projects import Repository
from mcp_agent import ERAS, McpLuzia, mcp_luzia, value, words

CONFIG = '[projects.p]\npath = "{root}/project"\nworktree = true\nmcp_merge = true\n[projects.q]\npath = "{root}"\n'
WORK = "echo new > new.txt; git add new.txt; git commit -qm 'Add new'; echo said"


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia(CONFIG) as luzia:
        home = Path(luzia.luzia.root, "home")
        Repository(Path(luzia.luzia.project), home).init()
        luzia.luzia.env["HOME"] = str(home)
        yield luzia


async def finished(agent: Client, task: str, **more: object) -> str:
    ran = value(await agent.call_tool("run", {"task": task, "agent": "shell", "project": "p", **more}))
    (job,) = ran["jobs"]
    assert job["state"] == "completed"
    found: str = job["job"]
    return found


async def read(agent: Client, uri: str) -> str:
    (content,) = (await agent.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


@pytest.mark.parametrize("era", ERAS)
async def test_job_log_and_diff_are_read(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        job = await finished(agent, f"export HOME={served.luzia.env['HOME']}; {WORK}")
        listed = (await agent.list_resources()).resources
        assert [str(each.uri) for each in listed] == [f"luzia://jobs/{job}"]
        assert len((await agent.list_resource_templates()).resource_templates) == 3
        assert json.loads(await read(agent, f"luzia://jobs/{job}"))["state"] == "completed"
        assert await read(agent, f"luzia://jobs/{job}/log") == "said\n"
        assert "+new" in await read(agent, f"luzia://jobs/{job}/diff")
        with pytest.raises(MCPError, match="unknown_job"):
            await agent.read_resource("luzia://jobs/nothing")
        with pytest.raises(MCPError, match="unknown resource"):
            await agent.read_resource("luzia://elsewhere")


async def test_a_change_is_told_to_a_client_of_the_older_protocol(served: McpLuzia) -> None:
    told = anyio.Event()
    uris: set[str] = set()

    async def hear(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            uris.add(str(message.params.uri))
            told.set()

    async with served.agent(ERAS[0], message_handler=hear) as agent:
        given = {"task": "exec sleep 600", "agent": "shell", "project": "p", "worktree": False}
        job = value(await agent.call_tool("dispatch", given))["job"]
        other = value(await agent.call_tool("dispatch", given))["job"]
        for subscribed in (other, job):
            await agent.subscribe_resource(f"luzia://jobs/{subscribed}")
        await agent.unsubscribe_resource(f"luzia://jobs/{other}")
        value(await agent.call_tool("cancel", {"job": other}))
        value(await agent.call_tool("wait", {"jobs": [other]}))
        value(await agent.call_tool("cancel", {"job": job}))
        with anyio.fail_after(60):
            await told.wait()
    assert uris == {f"luzia://jobs/{job}"}


async def test_a_change_is_told_to_a_client_of_the_newer_protocol(served: McpLuzia) -> None:
    async with served.agent(ERAS[1]) as agent:
        given = {"task": "exec sleep 600", "agent": "shell", "project": "p", "worktree": False}
        job = value(await agent.call_tool("dispatch", given))["job"]
        uri = f"luzia://jobs/{job}/log"
        async with agent.listen(resource_subscriptions=[uri]) as changes:
            value(await agent.call_tool("cancel", {"job": job}))
            with anyio.fail_after(60):
                async for change in changes:
                    assert getattr(change, "uri", None) == uri
                    break


@pytest.mark.parametrize("era", ERAS)
async def test_work_is_reviewed_and_merged_where_the_configuration_allows_it(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        assert "merge" in [tool.name for tool in (await agent.list_tools()).tools]
        job = await finished(agent, f"export HOME={served.luzia.env['HOME']}; {WORK}")
        seen = value(await agent.call_tool("diff", {"job": job}))
        assert [(file["path"], file["added"]) for file in seen["files"]] == [("new.txt", 1)]
        assert "+new" in seen["patch"]
        merged = value(await agent.call_tool("merge", {"job": job}))
        assert merged["commits"] == 1
        other = await finished(agent, "true", project=served.luzia.root, worktree=False)
        assert words(await agent.call_tool("merge", {"job": other})).startswith("not_allowed: ")
    assert Path(served.luzia.project, "new.txt").read_text() == "new\n"
