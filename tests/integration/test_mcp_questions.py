"""What a job's agent asks is put to the user by the client that waits for the job, or told to the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp_types import ElicitRequestParams, ElicitResult

from mcp_agent import ERAS, McpLuzia, mcp_luzia, value

AGENT = Path(__file__).parents[1] / "data" / "programs" / "asking_claude.py"
CONFIG = '[projects.p]\npath = "{root}/project"\nagent = "claude"\nask = true\n[daemon]\nlinger_s = 1000\n'
TASK = json.dumps([["Bash", {"command": "rm -rf build"}]])


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia(CONFIG, AGENT) as luzia:
        yield luzia


def told(served: McpLuzia) -> list[dict[str, Any]]:
    """What the agent was answered."""
    lines = Path(served.luzia.project, "told").read_text().splitlines()
    return [json.loads(line)["response"] for line in lines]


class User:
    """A user who answers each form in the same way."""

    def __init__(self, action: str, **content: str) -> None:
        self.result = ElicitResult(action=action, content=content or None)  # type: ignore[arg-type]
        self.asked: list[str] = []

    async def __call__(self, _: ClientSession, form: ElicitRequestParams) -> ElicitResult:
        self.asked.append(form.message)
        return self.result


@pytest.mark.parametrize("era", ERAS)
async def test_the_user_is_asked_while_the_model_waits(served: McpLuzia, era: str) -> None:
    user = User("accept", answer="deny", instead="use make clean")
    async with served.agent(era, elicitation_callback=user) as agent:
        ran = value(await agent.call_tool("run", {"task": TASK, "project": "p"}))
    assert [job["state"] for job in ran["jobs"]] == ["completed"]
    assert len(user.asked) == 1
    assert "permission to use Bash" in user.asked[0]
    assert [answer["message"] for answer in told(served)] == ["use make clean"]


@pytest.mark.parametrize("era", ERAS)
async def test_without_a_user_the_model_is_told_and_answers(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        ran = value(await agent.call_tool("run", {"task": TASK, "project": "p"}))
        (job,) = ran["jobs"]
        assert (ran["ended"], job["state"], job["question"]["tool"]) == (False, "waiting", "Bash")
        value(await agent.call_tool("answer", {"job": job["job"], "words": ["allow"]}))
        waited = value(await agent.call_tool("wait", {"jobs": [job["job"]]}))
    assert waited["jobs"][0]["state"] == "completed"
    assert [answer["behavior"] for answer in told(served)] == ["allow"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_question_that_the_user_leaves_open_is_the_models_again(served: McpLuzia, era: str) -> None:
    user = User("cancel")
    async with served.agent(era, elicitation_callback=user) as agent:
        ran = value(await agent.call_tool("run", {"task": TASK, "project": "p"}))
        (job,) = ran["jobs"]
        assert (job["state"], len(user.asked)) == ("waiting", 1)
        value(await agent.call_tool("cancel", {"job": job["job"]}))
