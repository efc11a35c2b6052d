"""An agent cancels its call of a tool: the call ends, the job continues, and so does the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from luzia_protocol.jobs import JobState

from luzia_client.api.client import Client
from mcp_agent import ERAS, McpLuzia, mcp_luzia, value
from support import eventually


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia("[daemon]\nmax_running = 1\n") as luzia:
        yield luzia


async def settled(condition: Callable[[], bool], what: str) -> None:
    await anyio.to_thread.run_sync(eventually, condition, what)


async def state(luzia: Client, job: str, expected: JobState) -> None:
    await settled(lambda: luzia.get_job(job).state == expected, f"{job} {expected}")


async def following(luzia: Client, count: int) -> None:
    await settled(lambda: luzia.get_info().subscribers == count, f"{count} streams of events")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["run", "wait"])
async def test_a_call_that_is_cancelled_ends_while_its_job_and_the_session_continue(
    served: McpLuzia, tool: str, era: str
) -> None:
    gate = Path(served.luzia.root, "gate")
    luzia = served.luzia.client()
    task = {"task": f"while [ ! -e {gate} ]; do sleep 0.05; done; echo the end", "agent": "shell"}
    async with served.agent(era) as agent:
        given: dict[str, object] = dict(task)
        if tool == "wait":
            given = {"jobs": [value(await agent.call_tool("dispatch", task))["job"]]}
        with anyio.CancelScope() as call:
            async with anyio.create_task_group() as calls:
                calls.start_soon(agent.call_tool, tool, given)
                await following(luzia, 1)
                call.cancel()
        await following(luzia, 0)
        (job,) = value(await agent.call_tool("list", {}))["jobs"]
        assert job["state"] == "running"
        gate.touch()
        (ended,) = value(await agent.call_tool("wait", {"jobs": [job["job"]]}))["jobs"]
        assert ended["state"] == "completed"


@pytest.mark.parametrize("era", ERAS)
async def test_a_wait_that_is_cancelled_gives_the_slot_back_that_it_lent(served: McpLuzia, era: str) -> None:
    gates = [Path(served.luzia.root, name) for name in ("of the parent", "of the first")]
    luzia = served.luzia.client()
    until_opened = [f"while [ ! -e '{gate}' ]; do sleep 0.05; done" for gate in gates]
    parent = luzia.dispatch(served.luzia.project, until_opened[0], agent="shell").job
    await state(luzia, parent, JobState.RUNNING)
    async with served.agent(era, {"LUZIA_JOB_ID": parent}) as agent:
        first, second = [
            value(await agent.call_tool("dispatch", {"task": task, "agent": "shell"}))["job"]
            for task in (until_opened[1], "true")
        ]
        connections = luzia.get_info().connections
        with anyio.CancelScope() as call:
            async with anyio.create_task_group() as calls:
                calls.start_soon(agent.call_tool, "wait", {"jobs": [first]})
                await state(luzia, first, JobState.RUNNING)
                call.cancel()
        await settled(lambda: luzia.get_info().connections == connections, "the call has left the daemon")
        gates[1].touch()
        luzia.wait(first)
        assert luzia.get_job(second).state == JobState.QUEUED
        (waited,) = value(await agent.call_tool("wait", {"jobs": [second]}))["jobs"]
        assert waited["state"] == "completed"
        gates[0].touch()
