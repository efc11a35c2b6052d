"""Every tool and every kind of resource that luzia's MCP server has works in both eras of the protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from git_projects import Repository
from mcp_agent import ERAS, mcp_luzia, value

AGENT = Path(__file__).parents[1] / "data" / "programs" / "asking_claude.py"
CONFIG = '[projects.p]\npath = "{root}/project"\nask = true\nworktree = true\nmcp_merge = true\n'
WORK = "echo new > new.txt; git add new.txt; git commit -qm 'Add new'"


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_and_every_resource_is_used(era: str) -> None:
    with mcp_luzia(CONFIG, AGENT) as served:
        home = Path(served.luzia.root, "home")
        Repository(Path(served.luzia.project), home).init()
        served.luzia.env["HOME"] = str(home)
        async with served.agent(era) as agent:
            called: set[str] = set()

            async def call(tool: str, **given: object) -> dict[str, Any]:
                called.add(tool)
                return value(await agent.call_tool(tool, given))

            (done,) = (await call("run", task=f"export HOME={home}; {WORK}", agent="shell", project="p"))["jobs"]
            job = done["job"]
            uris = [template.uri_template for template in (await agent.list_resource_templates()).resource_templates]
            assert len(uris) == 3
            for uri in uris:
                (content,) = (await agent.read_resource(f"luzia://jobs/{job}" + uri.partition("}")[2])).contents
                assert str(content.uri).startswith(f"luzia://jobs/{job}")
            assert (await call("status", job=job))["state"] == "completed"
            assert (await call("logs", job=job))["ended"]
            assert [file["path"] for file in (await call("diff", job=job))["files"]] == ["new.txt"]
            assert (await call("merge", job=job))["commits"] == 1
            assert [each["job"] for each in (await call("list"))["jobs"]] == [job]
            assert "found" in await call("search", words="nothing")
            task = json.dumps([["Bash", {"command": "make"}]])
            asking = (await call("dispatch", task=task, agent="claude", project="p"))["job"]
            assert (await call("wait", jobs=[asking]))["jobs"][0]["state"] == "waiting"
            assert (await call("send", job=asking, message="more"))["job"] == asking
            assert (await call("answer", job=asking, words=["allow"]))["job"] == asking
            assert (await call("cancel", job=asking))["job"] == asking
            assert called == {tool.name for tool in (await agent.list_tools()).tools}
