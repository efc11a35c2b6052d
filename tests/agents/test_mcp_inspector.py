"""The protocol's official inspector sees luzia's MCP server as its clients do, over both transports."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from agents import programs
from integration.test_mcp_http import Web
from luzia_client.mcp.hub.catalogue import MERGE, TOOLS
from mcp_agent import McpLuzia, mcp_luzia

WAIT_S = 300


class Inspector:
    """The inspector's command line. target: the words with which it reaches a server."""

    def __init__(self, served: McpLuzia, target: list[str]) -> None:
        self.served = served
        self._command = [str(programs.bin_directory("inspector") / "inspector"), "--cli", *target]

    def ask(self, method: str, *words: str) -> dict[str, Any]:
        """The result of a method."""
        variables = {name: value for name, value in self.served.luzia.env.items() if name.startswith("LUZIA_")}
        done = subprocess.run(
            [*self._command, "--method", method, *words],
            env=os.environ | variables,
            cwd=self.served.luzia.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def call(self, tool: str, **given: str) -> dict[str, Any]:
        """The result of a tool."""
        words = (word for name, value in given.items() for word in ("--tool-arg", f"{name}={value}"))
        return self.ask("tools/call", "--tool-name", tool, *words)


@pytest.fixture(params=["stdio", "http"])
def inspector(request: pytest.FixtureRequest) -> Iterator[Inspector]:
    with mcp_luzia() as served:
        if request.param == "stdio":
            yield Inspector(served, served.luzia.command("mcp"))
        else:
            web = Web(served)
            yield Inspector(served, [web.url, "--transport", "http", "--header", f"Authorization: Bearer {web.token}"])


def test_the_inspector_lists_and_calls_the_tools_and_reads_what_they_made(inspector: Inspector) -> None:
    listed = inspector.ask("tools/list")["tools"]
    assert [tool["name"] for tool in listed] == [name for name in TOOLS if name != MERGE.name]
    ran = inspector.call("run", task="echo hi", agent="shell", project=inspector.served.luzia.project)
    (job,) = ran["structuredContent"]["jobs"]
    assert (job["state"], job["exit_code"]) == ("completed", 0)
    uri = f"luzia://jobs/{job['job']}"
    assert [each["uri"] for each in inspector.ask("resources/list")["resources"]] == [uri]
    (content,) = inspector.ask("resources/read", "--uri", f"{uri}/log")["contents"]
    assert content["text"] == "hi\n"
    assert len(inspector.ask("resources/templates/list")["resourceTemplates"]) == 3
    refused = inspector.call("status", job="nothing")
    assert refused["isError"]
    assert refused["content"][0]["text"].startswith("unknown_job: ")
