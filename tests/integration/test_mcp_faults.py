"""What can go wrong between an agent and luzia: nothing is lost, and what is wrong is said in one line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from luzia_client.mcp.hub.listening import listen
from mcp_agent import ERAS, McpLuzia, mcp_luzia, value, words
from private_luzia import DEADLINE_S
from support import eventually

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia() as luzia:
        yield luzia


class Plain:
    """An agent that writes lines, right or wrong."""

    def __init__(self, served: McpLuzia, **env: str) -> None:
        self.process = subprocess.Popen(
            served.luzia.command("mcp"),
            env=served.luzia.env | env,
            cwd=served.luzia.project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def tell(self, *lines: object) -> None:
        """Send messages, or lines."""
        assert self.process.stdin is not None
        for line in lines:
            self.process.stdin.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next message."""
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, line: object) -> dict[str, Any]:
        """Send a message, or a line; returns the next message."""
        self.tell(line)
        return self.hear()

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_survives_the_death_of_the_hub_and_is_made_once(served: McpLuzia, era: str) -> None:
    gate = Path(served.luzia.root, "gate")
    task = {"task": f"while [ ! -e {gate} ]; do sleep 0.05; done", "agent": "shell"}
    async with served.agent(era) as agent, asyncio.TaskGroup() as group:
        running = group.create_task(agent.call_tool("run", task))
        client = served.luzia.client()
        await anyio.to_thread.run_sync(lambda: eventually(lambda: client.list_jobs().jobs, "a job"))
        await anyio.to_thread.run_sync(served.end_hub, signal.SIGKILL)
        gate.touch()
        ran = value(await running)
    (job,) = client.list_jobs().jobs
    assert [each["job"] for each in ran["jobs"]] == [job.id]
    assert ran["ended"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_wait_survives_the_death_of_the_daemon(served: McpLuzia, era: str) -> None:
    gate = Path(served.luzia.root, "gate")
    task = {"task": f"while [ ! -e {gate} ]; do sleep 0.05; done", "agent": "shell"}
    async with served.agent(era) as agent, asyncio.TaskGroup() as group:
        job = value(await agent.call_tool("dispatch", task))["job"]
        waiting = group.create_task(agent.call_tool("wait", {"jobs": [job]}))
        await anyio.to_thread.run_sync(served.luzia.kill_daemon)
        gate.touch()
        waited = value(await waiting)
    assert [each["state"] for each in waited["jobs"]] == ["completed"]


def test_what_must_not_be_done_twice_is_not_repeated_by_another_hub(served: McpLuzia) -> None:
    with socket.socket(socket.AF_UNIX) as dying, Plain(served) as agent:
        dying.bind(str(served.hub_socket))
        dying.listen()
        call = {"name": "send", "arguments": {"job": "@last", "message": "more"}}
        agent.tell(INITIALIZE, {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call})
        connected, _ = dying.accept()
        with connected, connected.makefile("rb") as lines:
            connected.sendall(b'{"luzia":"hub","retired":false}\n')
            next(line for line in lines if b'"id": 7' in line)
        dying.close()
        answers = {answer["id"]: answer for answer in (agent.hear(), agent.hear())}
    assert "serverInfo" in answers[1]["result"]
    assert "may or may not have taken effect" in str(answers[7]["result"])


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_is_too_large_is_refused_and_disturbs_no_other_agent(served: McpLuzia, era: str) -> None:
    small, huge = ({"task": task, "agent": "shell"} for task in ("true", "x" * 5_000_000))
    async with served.agent(era) as careless, served.agent(era) as other:
        results: dict[str, CallToolResult] = {}

        async def dispatch(name: str, agent: Client, given: dict[str, str]) -> None:
            results[name] = await agent.call_tool("dispatch", given)

        async with anyio.create_task_group() as calls:
            calls.start_soon(dispatch, "huge", careless, huge)
            for number in range(10):
                calls.start_soon(dispatch, f"small {number}", other, small)
    refused = words(results.pop("huge"))
    assert refused.startswith("frame_too_large: the request takes 5000")
    assert "Write the text to a file" in refused
    assert len({value(result)["job"] for result in results.values()}) == 10


async def test_an_agent_that_dies_in_mid_call_loses_nothing(served: McpLuzia) -> None:
    with Plain(served) as agent:
        agent.ask(INITIALIZE)
        call = {"name": "run", "arguments": {"task": "sleep 1; echo done", "agent": "shell"}}
        agent.tell({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call})
        client = served.luzia.client()
        eventually(lambda: client.list_jobs().jobs, "a job")
    (job,) = client.list_jobs().jobs
    assert client.wait(job.id).jobs[0].state == "completed"
    async with served.agent() as other:
        value(await other.call_tool("list", {}))


def test_a_malformed_line_gets_an_answer_and_the_next_one_is_understood(served: McpLuzia) -> None:
    with Plain(served) as agent:
        agent.ask(INITIALIZE)
        assert agent.ask(b"{oops")["error"]["code"] == -32700
        assert agent.ask({"id": 5, "hello": "you"})["error"]["code"] == -32600
        huge = b'{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"x":"' + b"x" * (9 << 20) + b'"}}'
        refused = agent.ask(huge)
        assert refused["id"] == 6
        assert "8 MiB" in refused["error"]["message"]
        unknown = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "nothing"}}
        assert "unknown tool" in agent.ask(unknown)["error"]["message"]
        assert agent.ask({"jsonrpc": "2.0", "id": 8, "method": "ping"})["result"] == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            b'{"jsonrpc":"2.0","id":3,"method":"ping","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
            "recursion",
        ),
        (b"[" * 100_000, "recursion"),
        (b"\xff\xfe", "not JSON"),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', "no integer"),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', "no integer"),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', "no integer"),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', "no integer"),
        (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', "no integer"),
        (b"17", "JSON-RPC"),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', "JSON-RPC"),
    ],
    ids=["deep objects", "deep lists", "no UTF-8", "1e999", "1.5", "null", "true", "a list", "a number", "a batch"],
)
def test_no_line_ends_the_session_or_stays_without_an_answer(served: McpLuzia, line: bytes, words: str) -> None:
    with Plain(served) as agent:
        agent.ask(INITIALIZE)
        hub = served.hub_pid()
        refused = agent.ask(line)
        assert refused["id"] is None
        assert words in refused["error"]["message"]
        assert agent.ask({"jsonrpc": "2.0", "id": 8, "method": "ping"})["result"] == {}
        assert served.hub_pid() == hub


def test_without_the_sdk_one_line_says_what_to_install(served: McpLuzia) -> None:
    site = Path(served.luzia.root, "site")
    site.mkdir()
    finder = "from importlib.machinery import PathFinder as P\nfind = P.find_spec\n"
    finder += "P.find_spec = classmethod(lambda c, n, *m: None if n == 'mcp' else find(n, *m))\n"
    Path(site, "sitecustomize.py").write_text(finder)
    with Plain(served, PYTHONPATH=str(site)) as agent:
        answer = agent.ask(INITIALIZE)
        assert agent.process.wait(DEADLINE_S) == 1
        assert agent.process.stderr is not None
        lines = agent.process.stderr.read().decode().splitlines()
    assert "pip install '.[mcp]'" in str(answer["error"])
    assert len(lines) == 1
    assert "pip install '.[mcp]'" in lines[0]


@pytest.mark.parametrize("era", ERAS)
async def test_however_many_agents_start_there_is_one_hub(served: McpLuzia, era: str) -> None:
    async def use() -> int:
        async with served.agent(era) as agent:
            value(await agent.call_tool("list", {}))
            return served.hub_pid()

    assert len(set(await asyncio.gather(*(use() for _ in range(6))))) == 1


def test_a_second_hub_says_that_there_is_one(served: McpLuzia) -> None:
    with Plain(served) as agent:
        agent.ask(INITIALIZE)
        second = served.luzia.run("mcp", "serve")
    assert second.returncode != 0
    assert b"another hub listens on" in second.stderr


@pytest.mark.parametrize("era", ERAS)
async def test_a_hub_of_an_older_version_is_replaced(served: McpLuzia, era: str) -> None:
    older = subprocess.Popen(
        [sys.executable, "-c", OLD_HUB, str(served.hub_socket)], env=served.luzia.env, stdout=subprocess.PIPE
    )
    try:
        assert older.stdout is not None
        assert older.stdout.readline() == b"ready\n"
        async with served.agent(era) as agent:
            value(await agent.call_tool("list", {}))
        assert served.hub_pid() != older.pid
        assert older.wait(DEADLINE_S) == 0, "it ends when it serves nobody"
    finally:
        older.kill()
        older.communicate()


OLD_HUB = """
import sys
from luzia_client.mcp.hub import service
from luzia_client.mcp.hub.listening import listen
service.VERSION = "0.0.9"
listener = listen(sys.argv[1])
print("ready", flush=True)
service.serve(listener, on_demand=False, may_start_daemon=True, http=None)
"""


def test_a_dead_socket_is_replaced_and_that_of_another_hub_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "mcp.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    first = listen(path)
    assert first is not None
    assert listen(path) is None
    first.leave()
    second = listen(path)
    assert second is not None
    first.leave()
    assert os.path.exists(path)
    for each in (first, second):
        each.socket.close()
