"""Durable calls: a task is a job, and outlives the client, the hub and the daemon."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import anyio
import pytest
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, NotificationBinding, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, NotificationParams, Request, RequestParams, Result, TextContent
from pydantic import ConfigDict

from mcp_agent import McpLuzia, mcp_luzia, words
from support import eventually

AGENT = Path(__file__).parents[1] / "data" / "programs" / "asking_claude.py"
CONFIG = '[projects.p]\npath = "{root}/project"\nask = true\n[daemon]\nlinger_s = 1000\n'


class TaskHandle(Result):
    """What a call returns that goes on."""

    result_type: Literal["task"] = "task"
    model_config: ClassVar[ConfigDict] = {"extra": "allow"}


class AnyResult(Result):
    """The result of a method of the extension."""

    model_config: ClassVar[ConfigDict] = {"extra": "allow"}


class AnyParams(RequestParams):
    """The parameters of a method of the extension."""

    model_config: ClassVar[ConfigDict] = {"extra": "allow"}


class TaskNotice(NotificationParams):
    """The parameters of a notification about a task."""

    model_config: ClassVar[ConfigDict] = {"extra": "allow"}


class TaskExtension(ClientExtension):
    """A client that takes tasks, and keeps them instead of polling."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        self._changed = anyio.Condition()

    async def _take(self, params: TaskNotice) -> None:
        async with self._changed:
            self.notices.append(params.model_dump(by_alias=True))
            self._changed.notify_all()

    async def told(self, status: str) -> dict[str, Any]:
        """The first notice of a status."""
        with anyio.fail_after(60):
            async with self._changed:
                while not (found := [each for each in self.notices if each["status"] == status]):
                    await self._changed.wait()
        return found[0]

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskHandle, resolve=self._resolve)]

    def notifications(self) -> list[NotificationBinding[Any]]:
        return [NotificationBinding(method="notifications/tasks", params_type=TaskNotice, handler=self._take)]

    async def _resolve(self, handle: TaskHandle, _: ClaimContext) -> CallToolResult:
        return CallToolResult(content=[TextContent(text=handle.model_dump_json(by_alias=True))], is_error=True)


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia(CONFIG, AGENT) as luzia:
        yield luzia


async def begin(agent: Client, task: str, name: str = "shell") -> dict[str, Any]:
    """Start a task; returns its handle."""
    result = await agent.call_tool("run", {"task": task, "agent": name, "project": "p"})
    handle: dict[str, Any] = json.loads(words(result))
    assert handle["status"] == "working"
    assert not {"result", "inputRequests"} & handle.keys()
    return handle


async def ask(agent: Client, method: str, task: str, **more: object) -> dict[str, Any]:
    """A method of the extension."""
    params = AnyParams.model_validate({"taskId": task, **more})
    request = Request[Any, str](method=f"tasks/{method}", params=params)
    answer = await agent.session.send_request(request, AnyResult)
    return answer.model_dump(by_alias=True)


async def test_a_task_ends_with_the_result_of_the_call(served: McpLuzia) -> None:
    async with served.agent(extensions=[TaskExtension()]) as agent:
        task = (await begin(agent, "exit 3"))["taskId"]
        served.luzia.client().wait(task)
        found = await ask(agent, "get", task)
    assert (found["status"], found["result"]["isError"]) == ("completed", True)
    (job,) = found["result"]["structuredContent"]["jobs"]
    assert (job["job"], job["exit_code"]) == (task, 3)


async def test_a_task_outlives_client_hub_and_daemon(served: McpLuzia) -> None:
    gate = Path(served.luzia.root, "gate")
    async with served.agent(extensions=[TaskExtension()]) as agent:
        task = (await begin(agent, f"while [ ! -e {gate} ]; do sleep 0.05; done; echo late"))["taskId"]
        served.end_hub(signal.SIGKILL)
        assert (await ask(agent, "get", task))["status"] == "working"  # on the same connection, by another hub
        served.luzia.kill_daemon()
        assert (await ask(agent, "get", task))["status"] == "working"
    served.end_hub(signal.SIGKILL)
    gate.touch()
    async with served.agent(extensions=[TaskExtension()]) as agent:
        served.luzia.client().wait(task)
        assert (await ask(agent, "get", task))["status"] == "completed"


async def test_a_task_is_cancelled(served: McpLuzia) -> None:
    async with served.agent(extensions=[TaskExtension()]) as agent:
        task = (await begin(agent, "exec sleep 600"))["taskId"]
        await ask(agent, "cancel", task)
        (job,) = served.luzia.client().wait(task).jobs
        assert job.state == "cancelled"
        assert (await ask(agent, "get", task))["status"] == "cancelled"
        await ask(agent, "cancel", task)
        with pytest.raises(MCPError, match="unknown_job"):
            await ask(agent, "get", "000000-dead")


async def test_the_questions_of_a_task_are_its_input_requests(served: McpLuzia) -> None:
    steps = json.dumps([["Bash", {"command": "rm -rf build"}]])
    async with served.agent(extensions=[TaskExtension()]) as agent:
        task = (await begin(agent, steps, "claude"))["taskId"]
        eventually(lambda: served.luzia.client().get_job(task).question, "a question")
        found = await ask(agent, "get", task)
        assert found["status"] == "input_required"
        ((key, form),) = found["inputRequests"].items()
        assert form["params"]["requestedSchema"]["properties"]["answer"]["enum"] == ["allow", "deny"]
        answer = {key: {"action": "accept", "content": {"answer": "allow"}}}
        await ask(agent, "update", task, inputResponses=answer)
        served.luzia.client().wait(task)
        assert (await ask(agent, "get", task))["status"] == "completed"


@asynccontextmanager
async def listening(agent: Client, tasks: list[str]) -> AsyncIterator[None]:
    """Have the server tell of changes of tasks meanwhile."""
    params = AnyParams.model_validate({"notifications": {"taskIds": tasks}})
    async with anyio.create_task_group() as group:
        request = Request[Any, str](method="subscriptions/listen", params=params)
        group.start_soon(agent.session.send_request, request, AnyResult)
        yield
        group.cancel_scope.cancel()


async def test_a_client_that_listens_is_told_how_a_task_goes_on(served: McpLuzia) -> None:
    steps = json.dumps([["Bash", {"command": "rm -rf build"}]])
    extension = TaskExtension()
    async with served.agent(extensions=[extension]) as agent:
        other = (await begin(agent, "exec sleep 600"))["taskId"]
        task = (await begin(agent, steps, "claude"))["taskId"]
        async with listening(agent, [task]):
            asked = await extension.told("input_required")
            assert asked["taskId"] == task
            assert next(iter(asked["inputRequests"].values()))["params"]["message"]
            await ask(agent, "cancel", other)
            await ask(agent, "cancel", task)
            cancelled = await extension.told("cancelled")
        now = await ask(agent, "get", task)
        assert {key: now[key] for key in now.keys() & cancelled.keys() - {"_meta"}}.items() <= cancelled.items()
    assert {each["taskId"] for each in extension.notices} == {task}


async def test_the_last_notice_of_a_task_has_its_result(served: McpLuzia) -> None:
    gate = Path(served.luzia.root, "gate")
    extension = TaskExtension()
    async with served.agent(extensions=[extension]) as agent:
        task = (await begin(agent, f"while [ ! -e {gate} ]; do sleep 0.05; done; exit 3"))["taskId"]
        async with listening(agent, [task]):
            await extension.told("working")
            gate.touch()
            ended = await extension.told("completed")
    (job,) = ended["result"]["structuredContent"]["jobs"]
    assert (job["job"], job["exit_code"]) == (task, 3)


async def test_an_unknown_task_is_refused_and_a_client_without_the_extension_is_told_nothing(served: McpLuzia) -> None:
    params = AnyParams.model_validate({"notifications": {"taskIds": ["000000-dead"]}})
    request = Request[Any, str](method="subscriptions/listen", params=params)
    async with served.agent(extensions=[TaskExtension()]) as agent:
        with pytest.raises(MCPError, match="unknown_job"):
            await agent.session.send_request(request, AnyResult)
    async with served.agent() as agent:
        with anyio.move_on_after(0.5) as scope:
            await agent.session.send_request(request, AnyResult)
        assert scope.cancelled_caught  # it listens: what it does not support is left out, not refused
