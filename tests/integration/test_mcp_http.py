"""MCP over HTTP: on the loopback interface, to who has the token, and to no web page."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from luzia_client.mcp.hub.http import read_token, token_file
from mcp_agent import ERAS, McpLuzia, mcp_luzia, value, words

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


class Web:
    """A hub that serves HTTP. url: where. token: who may."""

    def __init__(self, served: McpLuzia) -> None:
        self.served = served
        process = served.luzia.start("mcp", "serve", "--http", "0")
        assert process.stdout is not None
        found = re.search(rb"http://127\.0\.0\.1:\d+/mcp", process.stdout.readline())
        assert found is not None
        self.url = found[0].decode()
        self.file = Path(process.stdout.readline().decode().rpartition(" ")[2].strip())
        self.token = self.file.read_text().strip()

    def ask(self, token: str | None, **headers: str) -> tuple[int, str]:
        """Initialize; returns the status and the body."""
        sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **headers}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url, json.dumps(INITIALIZE).encode(), sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()


@pytest.fixture
def web() -> Iterator[Web]:
    with mcp_luzia() as served:
        yield Web(served)


def test_who_has_the_token_is_served(web: Web) -> None:
    status, body = web.ask(web.token)
    assert status == 200
    assert '"serverInfo"' in body
    assert web.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_dispatches_waits_and_reads_over_http(web: Web, era: str) -> None:
    headers = {"Authorization": f"Bearer {web.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(web.url, http_client=http), mode=era) as agent,
    ):
        task = {"task": "echo one", "agent": "shell"}
        assert "Name a project" in words(await agent.call_tool("dispatch", task))
        job = value(await agent.call_tool("dispatch", task | {"project": web.served.luzia.project}))["job"]
        waited = value(await agent.call_tool("wait", {"jobs": [job]}))
        assert [each["state"] for each in waited["jobs"]] == ["completed"]
        (log,) = (await agent.read_resource(f"luzia://jobs/{job}/log")).contents
        assert getattr(log, "text", None) == "one\n"


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_the_token_nothing_is_served(web: Web, token: str | None) -> None:
    status, body = web.ask(token)
    assert status == 401
    assert "serverInfo" not in body
    assert web.token not in body


def test_a_page_of_another_site_and_another_host_are_refused(web: Web) -> None:
    assert web.ask(web.token, Origin="https://example.com")[0] == 403
    assert web.ask(web.token, Host="example.com")[0] == 421
    assert web.ask(web.token, Origin=web.url.removesuffix("/mcp"))[0] == 200


def test_a_token_that_could_not_be_written_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_STATE_DIR", str(tmp_path))
    Path(token_file()).touch(mode=0o600)
    made = read_token()
    assert len(made) > 32
    assert read_token() == made
